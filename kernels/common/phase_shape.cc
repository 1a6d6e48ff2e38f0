// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/phase_shape.h"

#include <numeric>

namespace fettle::kernels {

PhaseAxis::PhaseAxis(std::int64_t in_, std::int64_t out_, std::int64_t kernel_, std::int64_t stride_,
                     std::int64_t dilation_, std::int64_t pad_) noexcept
    : in(in_),
      out(out_),
      kernel(kernel_),
      stride(stride_),
      dilation(dilation_),
      pad(pad_),
      period(stride_ / std::gcd(stride_, dilation_)) {}

std::int64_t PhaseAxis::first_tap(std::int64_t phase) const noexcept {
  for (std::int64_t tap = 0; tap < period; ++tap) {
    if (tap * dilation % stride == phase) return tap;
  }
  return kernel;
}

PhaseShape::PhaseShape(const LayerDesc& layer)
    : conv(layer),
      y(conv.in_h, conv.out_h, conv.kernel_h, conv.stride_h, conv.dilation_h, conv.pad_top),
      x(conv.in_w, conv.out_w, conv.kernel_w, conv.stride_w, conv.dilation_w, conv.pad_left) {}

std::int64_t PhaseShape::rows_of_panel() const noexcept {
  const std::int64_t without_taps = phases() - y.used_phases() * x.used_phases();
  return conv.depth() + without_taps;
}

}  // namespace fettle::kernels
