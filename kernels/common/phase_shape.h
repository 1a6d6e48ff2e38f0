// SPDX-License-Identifier: Apache-2.0
//
// Which taps of a transposed convolution make which of its outputs.
#pragma once

#include "kernels/common/conv_shape.h"

#include <cstdint>

namespace fettle::kernels {

/// One direction. Outputs are counted from the edge of the padding. That at `stride * step + phase` is made
/// of the taps whose distance from the window's begin leaves the same remainder: tap k of the input at `step
/// - back(k)`.
struct PhaseAxis {
  std::int64_t in, out, kernel, stride, dilation, pad;
  std::int64_t period;  ///< every so many taps are of the same phase

  PhaseAxis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
            std::int64_t dilation, std::int64_t pad) noexcept;

  /// The first tap of a phase, `period` before the next; `kernel` or more where the phase has none.
  std::int64_t first_tap(std::int64_t phase) const noexcept;
  std::int64_t back(std::int64_t tap) const noexcept { return tap * dilation / stride; }
  /// The taps of the phase that has most.
  std::int64_t most_taps() const noexcept { return (kernel + period - 1) / period; }
  /// The phases that have taps.
  std::int64_t used_phases() const noexcept { return kernel < period ? kernel : period; }
};

struct PhaseShape {
  ConvShape conv;
  PhaseAxis y, x;

  explicit PhaseShape(const LayerDesc& layer);
  std::int64_t phases() const noexcept { return y.stride * x.stride; }
  /// The taps of the phase that has most.
  std::int64_t most_taps() const noexcept { return y.most_taps() * x.most_taps(); }
  /// What the phase's outputs are sums of, apart from the bias. Where it has no taps it is one product with
  /// zero, because tiles sum something.
  std::int64_t depth_of(std::int64_t taps) const noexcept { return taps == 0 ? 1 : taps * conv.in_per_group; }
  /// Rows of weights that all phases have in a panel.
  std::int64_t rows_of_panel() const noexcept;
};

}  // namespace fettle::kernels
