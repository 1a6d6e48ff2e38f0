// SPDX-License-Identifier: Apache-2.0
//
// Walking through two operands that are broadcast to a result.
#pragma once

#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fettle::kernels::portable {

/// A loop nest over the output in the order in which it lies in memory, with each operand's step along each
/// loop (0 where it is broadcast). Neighbouring loops that step alike are merged, so that equal shapes become
/// one loop.
struct Loops {
  int count = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> step_a{};
  std::array<std::int64_t, kMaxRank> step_b{};

  /// The innermost loop.
  std::size_t inner() const { return static_cast<std::size_t>(std::max(0, count - 1)); }
};

Loops plan_loops(const LayerDesc& layer);

/// Calls line(first in a, first in b, first in the result, count), on several threads, for runs of the
/// innermost loop that cover the whole result.
template <typename Line>
void for_each_line(const Call& call, const Loops& loops, Line&& line) {
  constexpr std::int64_t kBlock = 4096;
  const std::int64_t total = call.layer.outputs.front().shape.elements();
  const std::size_t inner = loops.inner();
  const std::int64_t length = loops.count == 0 ? 1 : loops.extent[inner];
  // One long line is cut into blocks; many lines are shared out whole.
  const bool single = total == length;
  const std::int64_t range = single ? (length + kBlock - 1) / kBlock : total / length;
  call.parallel(range, [&](std::int64_t begin, std::int64_t end, int) {
    if (single) {
      const std::int64_t first = begin * kBlock;
      const std::int64_t count = std::min(length, end * kBlock) - first;
      return line(first * loops.step_a[inner], first * loops.step_b[inner], first, count);
    }
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t rest = i;
      std::int64_t a = 0;
      std::int64_t b = 0;
      for (std::size_t loop = inner; loop-- > 0;) {
        const std::int64_t at = rest % loops.extent[loop];
        rest /= loops.extent[loop];
        a += at * loops.step_a[loop];
        b += at * loops.step_b[loop];
      }
      line(a, b, i * length, length);
    }
  });
}

/// Whether both operands can be walked through in the layout: in nhwc an operand of lower rank than the
/// output would have to be permuted against its own layout.
bool ranks_fit(const LayerDesc& layer, Layout layout);

}  // namespace fettle::kernels::portable
