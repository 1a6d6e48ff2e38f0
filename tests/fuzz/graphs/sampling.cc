// SPDX-License-Identifier: Apache-2.0
//
// Sampling between pixels, transforms, sums over labels, losses.
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

ValueId between_pixels(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() != 4) return kNoValue;
  constexpr const char* kModes[] = {"linear", "nearest", "cubic"};
  constexpr const char* kPaddings[] = {"zeros", "border", "reflection"};
  Attributes a = with("mode", std::string(g.bytes().one_of(kModes)));
  a.set("padding_mode", std::string(g.bytes().one_of(kPaddings)));
  a.set("align_corners", g.bytes().number(0, 1));
  return g.add(Op::grid_sample, {x, g.constant({extents[0], 2, 3, 2}, -1.3f, 1.3f)}, std::move(a));
}

ValueId regions(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() != 4) return kNoValue;
  Attributes a = with("output_height", g.bytes().number(1, 3));
  a.set("output_width", g.bytes().number(1, 3));
  a.set("sampling_ratio", g.bytes().number(0, 2));
  a.set("mode", std::string(g.bytes().once_in(2) ? "avg" : "max"));
  return g.add(Op::roi_align, {x, g.constant({2, 4}, 0, 6), g.whole_numbers({2}, 0, extents[0] - 1)},
               std::move(a));
}

ValueId transformed(GraphBuilder& g, ValueId x) {
  const int rank = g.shape(x).rank();
  if (rank < 1 || rank > 6) return kNoValue;
  const ValueId signal = g.add(Op::unsqueeze, {x, g.integers({rank})});
  if (rank == 2 && g.bytes().once_in(2)) {
    const std::int64_t frame = g.bytes().number(1, 4);
    return g.add(Op::stft,
                 {g.bytes().once_in(2) ? signal : x, g.integers({g.bytes().number(1, 3)}),
                  g.constant({frame}), g.integers({frame})},
                 with("onesided", g.bytes().number(0, 1)));
  }
  Attributes a = with("axis", g.bytes().number(0, rank - 1));
  a.set("inverse", g.bytes().number(0, 1));
  a.set("onesided", g.bytes().number(0, 1));
  return g.add(Op::dft, {signal}, std::move(a));
}

// A product with a constant over some of its labels, and a result of some of both.
ValueId labelled(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  std::string whole;
  std::string part;
  std::string result;
  Shape other;
  for (int axis = 0; axis < extents.rank(); ++axis) {
    const char letter = static_cast<char>('a' + axis);
    whole += letter;
    if (g.bytes().once_in(2)) {
      part += letter;
      other.push_back(extents[axis]);
    }
    if (g.bytes().once_in(2))
      result.insert(result.begin() + g.bytes().index(static_cast<int>(result.size())), letter);
  }
  if (g.bytes().once_in(2) && extents.rank() < 7) {
    part += 'z';
    other.push_back(g.bytes().number(1, 4));
    result += 'z';
  }
  const std::string equation = whole + "," + part + (g.bytes().once_in(4) ? "" : "->" + result);
  return g.add(Op::einsum, {x, g.constant(other)}, with("equation", equation));
}

ValueId determinant(GraphBuilder& g, ValueId x) {
  const int rank = g.shape(x).rank();
  if (rank < 2 || g.shape(x)[rank - 1] > 4) return kNoValue;
  return g.add(Op::det, {x});
}

ValueId lost(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() < 2 || extents[1] == 0) return kNoValue;
  Shape targets{extents[0]};
  for (int axis = 2; axis < extents.rank(); ++axis) targets.push_back(extents[axis]);
  constexpr const char* kReductions[] = {"mean", "sum", "none"};
  Attributes a = with("reduction", std::string(g.bytes().one_of(kReductions)));
  if (g.bytes().once_in(2)) a.set("ignore_index", std::int64_t{0});
  std::vector<ValueId> inputs{x, g.whole_numbers(targets, 0, extents[1] - 1)};
  if (g.bytes().once_in(2)) inputs.push_back(g.constant({extents[1]}, 0.25f, 1));
  if (g.bytes().once_in(2)) return g.add(Op::nll_loss, std::move(inputs), std::move(a));
  return g.add(Op::cross_entropy_loss, std::move(inputs), std::move(a), g.bytes().once_in(2) ? 2 : 1);
}

}  // namespace

std::span<const GraphMaker> sampling_makers() {
  static constexpr GraphMaker kMakers[] = {between_pixels, regions, transformed, labelled, determinant, lost};
  return kMakers;
}

}  // namespace fettle::fuzz
