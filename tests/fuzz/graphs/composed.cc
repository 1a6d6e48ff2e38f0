// SPDX-License-Identifier: Apache-2.0
//
// Patterns that passes recognise, or almost.
#include "tests/fuzz/graphs/makers.h"

#include <cmath>

namespace fettle::fuzz {
namespace {

// x times a gate of x, in the ways that exporters write it, or almost.
ValueId gated(GraphBuilder& g, ValueId x) {
  const ValueId gate_of = g.bytes().once_in(6) ? g.any_value() : x;
  if (gate_of == kNoValue || !g.is_float(gate_of)) return kNoValue;
  ValueId gate = kNoValue;
  const bool sigmoid = g.bytes().once_in(3);
  if (sigmoid) {
    gate = g.add(Op::sigmoid, {gate_of});
  } else {
    gate = g.add(Op::add, {gate_of, g.scalar(g.bytes().once_in(6) ? 2 : 3)});
    gate = g.add(Op::clamp, {gate, g.scalar(0), g.scalar(g.bytes().once_in(6) ? 5 : 6)});
  }
  const auto scale = [&](ValueId value) {
    if (sigmoid) return value;
    return g.bytes().once_in(2) ? g.add(Op::div, {value, g.scalar(6)})
                                : g.add(Op::mul, {g.scalar(1.0f / 6), value});
  };
  if (g.bytes().once_in(4)) return scale(gate);
  if (g.bytes().once_in(2)) return scale(g.add(Op::mul, {x, gate}));
  return g.add(Op::mul, {scale(gate), x});
}

ValueId gelu(GraphBuilder& g, ValueId x) {
  const ValueId scaled = g.bytes().once_in(2) ? g.add(Op::div, {x, g.scalar(std::sqrt(2.0f))})
                                              : g.add(Op::mul, {x, g.scalar(std::sqrt(0.5f))});
  const ValueId gate = g.add(Op::add, {g.add(Op::erf, {scaled}), g.scalar(1)});
  const ValueId other = g.bytes().once_in(6) ? g.any_value() : x;
  if (other == kNoValue || !g.is_float(other)) return kNoValue;
  if (g.bytes().once_in(2)) return g.add(Op::mul, {g.add(Op::mul, {other, gate}), g.scalar(0.5f)});
  return g.add(Op::mul, {g.add(Op::mul, {other, g.scalar(0.5f)}), gate});
}

ValueId layer_norm(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() < 2) return kNoValue;
  const Attributes axes = with("axes", Integers{g.bytes().once_in(6) ? 1 : extents.rank() - 1});
  const ValueId centred = g.add(Op::sub, {x, g.add(Op::reduce_mean, {x}, axes)});
  const ValueId variance = g.add(Op::reduce_mean, {g.add(Op::pow, {centred, g.scalar(2)})}, axes);
  const ValueId root = g.add(Op::sqrt, {g.add(Op::add, {variance, g.scalar(0.125f)})});
  const Shape row{extents[extents.rank() - 1]};
  const ValueId scaled = g.add(Op::mul, {g.add(Op::div, {centred, root}), g.constant(row)});
  return g.bytes().once_in(6) ? g.add(Op::add, {g.constant(row), scaled})
                              : g.add(Op::add, {scaled, g.constant(row)});
}

}  // namespace

std::span<const GraphMaker> composed_makers() {
  static constexpr GraphMaker kMakers[] = {gated, gelu, layer_norm};
  return kMakers;
}

}  // namespace fettle::fuzz
