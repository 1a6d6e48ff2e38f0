// SPDX-License-Identifier: Apache-2.0
//
// Walking through two operands that are broadcast to a dense result.
#pragma once

#include "kernels/common/broadcast.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <cstdint>

namespace fettle::kernels::portable {

/// Calls line(first in a, first in b, first in the result, count), on several threads, for runs of the
/// innermost loop that cover the whole result.
template <typename Line>
void for_each_line(const Call& call, const Loops& loops, Line&& line) {
  constexpr std::int64_t kBlock = 4096;
  const std::int64_t total = call.layer.outputs.front().shape.elements();
  const std::size_t inner = loops.inner();
  const std::int64_t length = loops.length();
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
      const Loops::Place place = loops.line(i);
      line(place.a, place.b, place.y, length);
    }
  });
}

}  // namespace fettle::kernels::portable
