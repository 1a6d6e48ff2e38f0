// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

ValueId cut(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  Integers starts;
  Integers ends;
  Integers axes;
  Integers steps;
  for (int axis = 0; axis < extents.rank(); ++axis) {
    if (g.bytes().once_in(2)) continue;
    axes.push_back(axis);
    starts.push_back(g.bytes().number(-3, 3));
    ends.push_back(g.bytes().once_in(2) ? 1000 : g.bytes().number(-3, 7));
    steps.push_back(g.bytes().once_in(3) ? g.bytes().number(-2, 2) : 1);
  }
  return g.add(Op::slice, {x, g.integers(starts), g.integers(ends), g.integers(axes), g.integers(steps)});
}

ValueId padded(GraphBuilder& g, ValueId x) {
  Integers pads;
  const int rank = g.shape(x).rank();
  for (int i = 0; i < 2 * rank; ++i) pads.push_back(i % rank < 2 ? 0 : g.bytes().number(0, 2));
  constexpr const char* kModes[] = {"constant", "constant", "reflect", "edge"};
  Attributes a = with("mode", std::string(g.bytes().one_of(kModes)));
  if (g.bytes().once_in(3)) return g.add(Op::pad, {x, g.integers(pads), g.scalar(1)}, std::move(a));
  return g.add(Op::pad, {x, g.integers(pads)}, std::move(a));
}

ValueId joined(GraphBuilder& g, ValueId x) {
  std::vector<ValueId> parts{x};
  for (auto count = g.bytes().number(0, 2); count > 0; --count) {
    const ValueId other = g.any_of_rank(g.shape(x).rank());
    parts.push_back(other == kNoValue ? x : other);
  }
  return g.add(Op::concat, std::move(parts), with("axis", g.bytes().number(0, 3)));
}

ValueId divided(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() == 0) return kNoValue;
  const std::int64_t axis = g.bytes().number(0, extents.rank() - 1);
  const std::int64_t first = g.bytes().number(0, extents[static_cast<int>(axis)]);
  return g.add(Op::split, {x, g.integers({first, extents[static_cast<int>(axis)] - first})},
               with("axis", axis), 2);
}

ValueId turned(GraphBuilder& g, ValueId x) {
  Integers perm;
  for (int axis = 0; axis < g.shape(x).rank(); ++axis)
    perm.insert(perm.begin() + g.bytes().index(axis), axis);
  return g.add(Op::transpose, {x}, with("perm", std::move(perm)));
}

ValueId reshaped(GraphBuilder& g, ValueId x) {
  switch (g.bytes().number(0, 4)) {
    case 0:
      return g.add(Op::flatten, {x}, with("axis", g.bytes().number(0, g.shape(x).rank())));
    case 1:
      return g.add(Op::squeeze, {x});
    case 2:
      return g.add(Op::unsqueeze, {x, g.integers({g.bytes().number(0, g.shape(x).rank())})});
    case 3:
      return g.add(Op::reshape, {x, g.integers({0, -1})});
    default:
      return g.add(Op::reshape, {x, g.integers({-1, g.bytes().number(1, 4), 1})});
  }
}

ValueId moved(GraphBuilder& g, ValueId x) {
  switch (g.bytes().number(0, 8)) {
    case 0:
      return cut(g, x);
    case 1:
      return padded(g, x);
    case 2:
      return joined(g, x);
    case 3:
      return divided(g, x);
    case 4:
      return reshaped(g, x);
    case 5: {
      Integers repeats;
      for (int axis = 0; axis < g.shape(x).rank(); ++axis) repeats.push_back(g.bytes().number(1, 2));
      return g.add(Op::tile, {x, g.integers(repeats)});
    }
    case 6:
      return g.add(Op::gather, {x, g.integers({0, g.bytes().number(-1, 1)})},
                   with("axis", g.bytes().number(0, 2)));
    case 7:
      return g.add(g.bytes().once_in(2) ? Op::depth_to_space : Op::space_to_depth, {x},
                   with("blocksize", g.bytes().number(1, 2)));
    default: {
      const ValueId once = turned(g, x);
      return once == kNoValue ? kNoValue : turned(g, once);
    }
  }
}

// What exporters compute from shapes: constants, once the shapes are known.
ValueId from_shape(GraphBuilder& g, ValueId x) {
  const ValueId extents = g.add(Op::shape, {x});
  const ValueId first = g.add(Op::gather, {extents, g.integers({0})});
  const ValueId wanted = g.add(Op::concat, {first, g.integers({-1})}, with("axis", std::int64_t{0}));
  // Inference of the reshape needs the folded value, which passes have yet to make: it is put in by hand.
  if (wanted == kNoValue || g.shape(x).rank() == 0) return kNoValue;
  return g.add(Op::reshape, {x, g.integers({g.shape(x)[0], -1})});
}

}  // namespace

std::span<const GraphMaker> movement_makers() {
  static constexpr GraphMaker kMakers[] = {moved, moved, turned, padded, reshaped, from_shape};
  return kMakers;
}

}  // namespace fettle::fuzz
