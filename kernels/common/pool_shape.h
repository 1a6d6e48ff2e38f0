// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a pool, read off its layer, and the walk through a window. Sounds (rank 3) are pictures of
// height 1; a pool of the whole picture has a window of its size.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <cstdint>

namespace fettle::kernels {

struct PoolShape {
  std::int64_t batch, channels, in_h, in_w, out_h, out_w;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_padding;

  explicit PoolShape(const LayerDesc& layer) {
    const Shape& x = layer.inputs[0].shape;
    const Shape& y = layer.outputs[0].shape;
    const Attributes& a = layer.main().attributes;
    const bool flat = x.rank() == 3;
    const Op op = layer.main().op;
    batch = x[0], channels = x[1], in_h = flat ? 1 : x[2], in_w = x[x.rank() - 1];
    out_h = flat ? 1 : y[2], out_w = y[y.rank() - 1];
    count_padding = a.integer("count_include_pad") != 0;
    if (op == Op::global_max_pool || op == Op::global_average_pool) {
      kernel_h = in_h, kernel_w = in_w;
      return;
    }
    const auto kernel = a.integers("kernel_shape");
    const auto strides = a.integers("strides");
    const auto dilations = a.integers("dilations");
    const auto pads = a.integers("pads");
    kernel_w = kernel.back(), stride_w = strides.back(), dilation_w = dilations.back();
    pad_left = pads[flat ? 0 : 1], pad_right = pads.back();
    if (flat) return;
    kernel_h = kernel[0], stride_h = strides[0], dilation_h = dilations[0];
    pad_top = pads[0], pad_bottom = pads[2];
  }
};

// Calls body(iy, ix) for the taps inside the picture; gives the number that an average divides by.
template <typename Body>
std::int64_t for_each_tap(const PoolShape& s, std::int64_t oy, std::int64_t ox, Body&& body) {
  std::int64_t inside = 0;
  std::int64_t counted = 0;
  for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const std::int64_t iy = oy * s.stride_h - s.pad_top + ky * s.dilation_h;
    for (std::int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const std::int64_t ix = ox * s.stride_w - s.pad_left + kx * s.dilation_w;
      if (iy < s.in_h + s.pad_bottom && ix < s.in_w + s.pad_right) ++counted;
      if (iy < 0 || iy >= s.in_h || ix < 0 || ix >= s.in_w) continue;
      ++inside;
      body(iy, ix);
    }
  }
  return std::max<std::int64_t>(1, s.count_padding ? counted : inside);
}

}  // namespace fettle::kernels
