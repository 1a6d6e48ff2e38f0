// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a convolution or transposed convolution, read off its layer. Sounds (rank 3) are pictures of
// height 1.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels {

struct ConvShape {
  std::int64_t batch, in_channels, in_h, in_w;
  std::int64_t out_channels, out_h, out_w;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  std::int64_t groups, in_per_group, out_per_group;
  bool biased;

  /// `layer` must have passed check_conv, or have input and weight of the same rank, 3 or 4.
  explicit ConvShape(const LayerDesc& layer);
  /// Products summed for one output element.
  std::int64_t depth() const { return in_per_group * kernel_h * kernel_w; }
  std::int64_t weight_elements() const { return out_channels * depth(); }
  std::int64_t taps() const { return kernel_h * kernel_w; }
  /// Whether an output pixel is computed from the input pixel of the same place alone.
  bool pointwise() const;
  /// Floats of an image that one group of outputs is computed from, those that strides skip left out.
  std::int64_t read_floats() const {
    const std::int64_t there = in_h * in_w;
    const std::int64_t taken = out_h * out_w * taps();
    return (taken < there ? taken : there) * in_per_group;
  }
  /// Floats of the zeros that lie before packed weights, which taps outside of the input read: as many as a
  /// pixel has channels, and more, so that the weights stay aligned.
  std::int64_t zero_pixel() const { return (in_per_group + 15) / 16 * 16; }
  bool inside(std::int64_t y, std::int64_t x) const { return y >= 0 && y < in_h && x >= 0 && x < in_w; }
};

/// The outputs [first, last) of a row whose input position under tap `kx` lies inside.
void valid_range(const ConvShape& s, std::int64_t kx, std::int64_t& first, std::int64_t& last);

/// Whether window, channels and groups of a convolution or transposed convolution of any rank belong
/// together.
bool consistent_conv(const LayerDesc& layer) noexcept;
/// For both operators: rank 3 or 4, at most so many operands, all but the first constant, nothing empty.
Refusal check_conv(const LayerDesc& layer, std::size_t most_operands = 3);

}  // namespace fettle::kernels
