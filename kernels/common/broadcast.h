// SPDX-License-Identifier: Apache-2.0
//
// Walking through two operands that are broadcast to a result.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// A loop nest over the result in the order in which it lies in memory, with each tensor's step along each
/// loop (0 where an operand is broadcast). Neighbouring loops that step alike are merged, so that equal
/// shapes become one loop. Without loops there is one number.
struct Loops {
  struct Place {
    std::int64_t a, b, y;
  };

  int count = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> step_a{};
  std::array<std::int64_t, kMaxRank> step_b{};
  std::array<std::int64_t, kMaxRank> step_y{};

  /// The innermost loop.
  std::size_t inner() const { return static_cast<std::size_t>(std::max(0, count - 1)); }
  /// Steps of the innermost loop.
  std::int64_t length() const { return count == 0 ? 1 : extent[inner()]; }
  /// Where the first number of a line lies, counting the times that the innermost loop runs.
  Place line(std::int64_t index) const;
};

/// The loops of a layer of two operands.
Loops plan_loops(const LayerDesc& layer);

/// Whether both operands can be walked through in the layout: in nhwc an operand of lower rank than the
/// output would have to be permuted against its own layout.
bool ranks_fit(const LayerDesc& layer, Layout layout);

}  // namespace fettle::kernels
