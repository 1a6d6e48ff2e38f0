// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/makers.h"

#include <cmath>

namespace fettle::fuzz {
namespace {

// Scales are powers of two: then sums of products of stored numbers are exact in f32 too, and a result lies
// between two stored numbers for both ways of computing or for neither.
ValueId scale(GraphBuilder& g) {
  return g.constant_of(std::ldexp(1.0f, -static_cast<int>(g.bytes().number(0, 5))));
}

ValueId zero_point(GraphBuilder& g) { return g.stored({}, g.bytes().once_in(2) ? 128 : g.bytes().byte()); }

ValueId dequantised(GraphBuilder& g, ValueId stored) {
  return g.add(Op::dequantize_linear, {stored, scale(g), zero_point(g)});
}

// Through stored numbers and back, in one quantisation or in two.
ValueId through_integers(GraphBuilder& g, ValueId x) {
  const ValueId by = scale(g);
  const ValueId zero = zero_point(g);
  const ValueId stored = g.add(Op::quantize_linear, {x, by, zero});
  if (g.bytes().once_in(8)) return dequantised(g, stored);
  return g.add(Op::dequantize_linear, {stored, by, zero});
}

ValueId computed(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  const int rank = extents.rank();
  switch (g.bytes().number(0, 7)) {
    case 0:
      if (rank != 4) return kNoValue;
      return g.add(Op::conv, {x, dequantised(g, g.stored({g.bytes().number(1, 4), extents[1], 2, 2}))},
                   with("pads", Integers{g.bytes().number(0, 1), 0, 1, 1}));
    case 1:
      if (rank < 1) return kNoValue;
      return g.add(Op::matmul, {x, dequantised(g, g.stored({extents[rank - 1], g.bytes().number(1, 4)}))});
    case 2: {
      const ValueId other = g.bytes().once_in(2) ? x : dequantised(g, g.stored(extents));
      return g.add(g.bytes().once_in(2) ? Op::add : Op::mul, {x, other});
    }
    case 3:
      if (rank != 4) return kNoValue;
      return g.add(g.bytes().once_in(2) ? Op::max_pool : Op::average_pool, {x},
                   with("kernel_shape", Integers{2, 2}));
    case 4:
      return g.add(Op::concat, {x, g.bytes().once_in(2) ? x : dequantised(g, g.stored(extents))},
                   with("axis", std::int64_t{0}));
    case 5:
      return g.add(Op::reshape, {x, g.integers({-1})});
    case 6:
      return g.add(Op::relu, {x});
    default:
      return g.add(Op::transpose, {x});
  }
}

// A layer between DequantizeLinear and QuantizeLinear.
ValueId quantised_layer(GraphBuilder& g, ValueId) {
  const ValueId x = through_integers(g, g.any_exact());
  if (x == kNoValue || g.shape(x).elements() == 0) return kNoValue;
  ValueId y = computed(g, x);
  if (y != kNoValue && g.bytes().once_in(3)) y = g.add(Op::relu, {y});
  return y == kNoValue ? kNoValue : through_integers(g, y);
}

}  // namespace

std::span<const GraphMaker> quantised_makers() {
  static constexpr GraphMaker kMakers[] = {quantised_layer, quantised_layer, quantised_layer};
  return kMakers;
}

}  // namespace fettle::fuzz
