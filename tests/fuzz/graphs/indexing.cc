// SPDX-License-Identifier: Apache-2.0
//
// Operators that read, write or choose where integers say.
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

// Indices that may count from the end of an axis.
ValueId indices(GraphBuilder& g, const Shape& shape, std::int64_t extent) {
  return g.whole_numbers(shape, -extent, extent - 1);
}

ValueId gathered(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  const int rank = extents.rank();
  if (rank == 0 || extents.elements() == 0) return kNoValue;
  if (g.bytes().once_in(2)) {
    const std::int64_t batch = g.bytes().number(0, 1);
    if (batch >= rank) return kNoValue;
    Attributes a = with("batch_dims", batch);
    const Shape places = batch == 1 ? Shape{extents[0], 2, 1} : Shape{3, 1};
    return g.add(Op::gather_nd, {x, indices(g, places, extents[static_cast<int>(batch)])}, std::move(a));
  }
  const std::int64_t axis = g.bytes().number(0, rank - 1);
  Shape part = extents;
  part[static_cast<int>(axis)] = g.bytes().number(1, 4);
  return g.add(Op::gather_elements, {x, indices(g, part, extents[static_cast<int>(axis)])},
               with("axis", axis));
}

ValueId scattered(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  const int rank = extents.rank();
  if (rank == 0 || extents.elements() == 0) return kNoValue;
  constexpr const char* kReductions[] = {"none", "add", "mul"};
  Attributes a = with("reduction", std::string(g.bytes().one_of(kReductions)));
  if (g.bytes().once_in(2)) {
    Shape updates = extents;
    updates[0] = 2;
    return g.add(Op::scatter_nd, {x, indices(g, {2, 1}, extents[0]), g.constant(updates)}, std::move(a));
  }
  const std::int64_t axis = g.bytes().number(0, rank - 1);
  Shape part = extents;
  part[static_cast<int>(axis)] = g.bytes().number(1, 4);
  a.set("axis", axis);
  return g.add(Op::scatter_elements, {x, indices(g, part, extents[static_cast<int>(axis)]), g.constant(part)},
               std::move(a));
}

ValueId hot(GraphBuilder& g, ValueId) {
  const std::int64_t depth = g.bytes().number(1, 5);
  const ValueId places = g.bytes().once_in(2) ? indices(g, {g.bytes().number(1, 4)}, depth) : g.any_exact();
  if (g.shape(places).rank() > 6) return kNoValue;
  return g.add(Op::one_hot, {places, g.integers({depth}), g.constant({2})},
               with("axis", g.bytes().number(-1, g.shape(places).rank())));
}

ValueId rearranged(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  const int rank = extents.rank();
  if (rank < 2) return kNoValue;
  switch (g.bytes().number(0, 2)) {
    case 0: {
      Attributes a = with("upper", g.bytes().number(0, 1));
      if (g.bytes().once_in(2)) return g.add(Op::trilu, {x}, std::move(a));
      return g.add(Op::trilu, {x, g.whole_numbers({}, -2, 2)}, std::move(a));
    }
    case 1:
      return g.add(Op::reverse_sequence, {x, g.whole_numbers({extents[1]}, 0, extents[0])});
    default: {
      Attributes a = with("reverse", g.bytes().number(0, 1));
      a.set("exclusive", g.bytes().number(0, 1));
      return g.add(Op::cum_sum, {x, g.whole_numbers({}, -rank, rank - 1)}, std::move(a));
    }
  }
}

ValueId largest(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() == 0) return kNoValue;
  const std::int64_t axis = g.bytes().number(0, extents.rank() - 1);
  Attributes a = with("axis", axis);
  a.set("largest", g.bytes().number(0, 1));
  const bool places = g.bytes().once_in(3);  // jump
  const ValueId from = places ? g.any_exact() : x;
  const ValueId k = g.integers({g.bytes().number(0, extents[static_cast<int>(axis)])});
  const ValueId values = g.add(Op::top_k, {from, k}, std::move(a), 2);
  return places && values != kNoValue ? g.real(values + 1) : values;
}

// What has as many elements as the data says, which only operators that work on each may follow.
ValueId chosen(GraphBuilder& g, ValueId) {
  const ValueId x = g.bytes().once_in(3) ? g.constant({2, 3}) : g.any_exact();
  const int rank = g.shape(x).rank();
  if (rank == 0) return kNoValue;
  Attributes a;
  if (g.bytes().once_in(2)) a.set("axis", g.bytes().number(0, rank - 1));
  switch (g.bytes().number(0, 2)) {
    case 0: {
      ValueId places = g.add(Op::non_zero, {x});
      if (g.bytes().once_in(2)) places = g.add(Op::transpose, {places}, with("perm", Integers{1, 0}));
      return g.real(places);
    }
    case 1: {
      const ValueId numbers = g.constant({g.bytes().number(1, 6)});
      return g.add(Op::compress, {x, g.add(Op::greater, {numbers, g.scalar(0)})}, std::move(a));
    }
    default:
      a.set("sorted", g.bytes().number(0, 1));
      return g.add(Op::unique, {x}, std::move(a), static_cast<std::size_t>(g.bytes().number(1, 4)));
  }
}

ValueId suppressed(GraphBuilder& g, ValueId) {
  const std::int64_t boxes = g.bytes().number(1, 6);
  ValueId scores = g.any_exact();
  if (g.shape(scores).rank() != 3 || g.shape(scores)[0] != 1 || g.shape(scores)[2] != boxes)
    scores = g.constant({1, 2, boxes}, 0, 1);
  return g.real(g.add(Op::non_max_suppression, {g.constant({1, boxes, 4}, 0, 2), scores,
                                                g.integers({g.bytes().number(0, 3)}), g.scalar(0.5f)}));
}

}  // namespace

std::span<const GraphMaker> indexing_makers() {
  static constexpr GraphMaker kMakers[] = {gathered, scattered, hot, rearranged, largest, chosen, suppressed};
  return kMakers;
}

}  // namespace fettle::fuzz
