// SPDX-License-Identifier: Apache-2.0
//
// Places blocks of memory, each needed during an interval of steps, in one arena so that blocks which are
// needed at the same time do not overlap.
#pragma once

#include "lib/runtime/schedule.h"

#include <cstddef>
#include <span>

namespace fettle::runtime {

/// Every block starts at a multiple of the arena's alignment, and its size is rounded up to it.
constexpr std::size_t round_to_arena(std::size_t bytes) noexcept {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

/// One block: `bytes` are needed from step `first` to step `last`, both included.
struct MemoryBlock {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
  std::size_t offset = 0;  ///< the planner's answer
};

/// The most bytes that are needed at once, at any step: no placement can be smaller.
std::size_t largest_live_set(std::span<const MemoryBlock> blocks);

/// Fills in the offsets and returns the size of the arena. Optimal placement is NP-hard: greedy placement is
/// tried in several orders (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
/// arXiv 2001.03288), then the order is improved by moving blocks that reach the top to the front, until the
/// lower bound is met or the effort is spent. Deterministic.
std::size_t place_blocks(std::span<MemoryBlock> blocks);

}  // namespace fettle::runtime
