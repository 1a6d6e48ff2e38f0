// SPDX-License-Identifier: Apache-2.0
//
// Extents of what is computed over sequences: attention, recurrent layers, and sums over labels.
#include "lib/base/following.h"

#include <array>

namespace fettle {

const char* Following::einsum() noexcept {
  const auto labels = attributes().integers("labels");
  std::array<Extent, kMaxRank> extents;
  extents.fill({1, false});
  std::size_t at = 0;
  // Layers that come as text are asked before anybody has looked at their labels.
  const auto extent_at = [&](std::size_t place) -> Extent* {
    const bool known = place < labels.size() && labels[place] >= 0 && labels[place] < kMaxRank;
    return known ? &extents[static_cast<std::size_t>(labels[place])] : nullptr;
  };
  for (std::size_t term = 0; term < layer_.main().operands.size(); ++term, ++at) {
    for (int axis = 0; axis < in(term).shape.rank(); ++axis, ++at) {
      Extent* extent = extent_at(at);
      const std::optional<Extent> both = extent ? paired(*extent, extent_of(in(term), axis)) : std::nullopt;
      if (!both) return kUnfit;
      *extent = *both;
    }
  }
  for (int axis = 0; axis < out().shape.rank(); ++axis, ++at) {
    const Extent* extent = extent_at(at);
    if (extent == nullptr) return kUnfit;
    set(out(), axis, *extent);
  }
  return nullptr;
}

// Queries, keys, values, a mask that is broadcast to the scores, how many keys each batch has.
const char* Following::attention() noexcept {
  for (const char* perm : {"perm_q", "perm_k", "perm_v", "perm_y"}) {
    if (attributes().has(perm)) return "attention transposes its operands or its result";
  }
  const std::optional<Extent> keys_and_values = same(extent_of(in(0), 0), extent_of(in(1), 0));
  const std::optional<Extent> batch =
      keys_and_values ? same(*keys_and_values, extent_of(in(2), 0)) : std::nullopt;
  const std::optional<Extent> keys = same(extent_of(in(1), 2), extent_of(in(2), 2));
  if (!batch || !keys || (has(4) && !same(*batch, extent_of(in(4), 0)))) return kUnfit;
  for (const std::size_t operand : {0, 1, 2}) {
    if (is_bounded(in(operand), 1) || is_bounded(in(operand), 3))
      return "how many heads there are, and of what size, depends on the data";
  }
  TensorDesc scores = in(0);
  set(scores, 0, *batch);
  set(scores, 3, *keys);
  if (has(3)) {
    const std::optional<TensorDesc> masked = broadcast_bounded(in(3), scores);
    if (!masked || masked->shape.rank() != 4 || (running() && !(masked->shape == scores.shape)))
      return kUnfit;
  }
  if (layer_.outputs.size() > 1) {
    out(1).shape = scores.shape;
    out(1).bounded = scores.bounded;
  }
  for (int axis = 0; axis < 3; ++axis) set(out(), axis, extent_of(scores, axis));
  set(out(), 3, extent_of(in(2), 3));
  return nullptr;
}

// X, W, R, B, lengths, states. Results of rank 4 are of all steps, those of rank 3 are states.
const char* Following::recurrent() noexcept {
  const bool batch_first = attributes().integer("layout") != 0;
  const Extent steps = extent_of(in(0), batch_first ? 1 : 0);
  std::optional<Extent> batch = extent_of(in(0), batch_first ? 0 : 1);
  if (is_bounded(in(0), 2)) return "how many numbers a step has depends on the data";
  constexpr std::size_t kLengths = 4;
  for (std::size_t i = 1; i < layer_.main().operands.size() && batch; ++i) {
    if (!has(i)) continue;
    const bool state = i == kLengths + 1 || i == kLengths + 2;
    const int axis = state && !batch_first ? 1 : 0;
    const bool of_batch = state || i == kLengths;
    if ((in(i).bounded & ~(of_batch ? 1u << axis : 0u)) != 0)
      return "the size of weights or states depends on the data";
    if (of_batch) batch = same(*batch, extent_of(in(i), axis));
  }
  if (!batch) return kUnfit;
  for (TensorDesc& result : layer_.outputs) {
    const bool all_steps = result.shape.rank() == 4;
    set(result, batch_first ? 0 : all_steps ? 2 : 1, *batch);
    if (all_steps) set(result, batch_first ? 1 : 0, steps);
  }
  return nullptr;
}

}  // namespace fettle
