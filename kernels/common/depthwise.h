// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution in nhwc and nchwc, any window, stride and dilation, direct. Threads share the
// output's rows. Blocks of nchwc are as large as a vector, and each is an image of its own.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// A stretch of one output row.
struct DepthwiseRow {
  const float* input;          ///< first pixel of the input row under window row `first_tap_row`
  std::int64_t input_pitch;    ///< floats from pixel to pixel
  std::int64_t tap_row_pitch;  ///< floats between input rows under neighbouring window rows
  std::int64_t in_w;
  float* output;  ///< the output row's first pixel
  std::int64_t output_pitch;
  std::int64_t channels;
  std::int64_t first, last;  ///< outputs to compute
  std::int64_t inner_first,
      inner_last;                   ///< of all outputs, those whose windows lie inside from left to right
  int first_tap_row, last_tap_row;  ///< window rows that lie inside
  int columns;                      ///< of the window
  std::int64_t stride, dilation, pad_left;
  const float* packed;        ///< for each vector of channels the bias, then the weights of each tap
  std::int64_t packed_pitch;  ///< floats for each vector of channels
  float low, high;
};

/// The same stretch of some output rows of an image, one below the other.
struct DepthwiseBand {
  DepthwiseRow row;    ///< what the rows have in common; `output` is that of the first
  const float* image;  ///< the input's first pixel
  std::int64_t in_h;
  std::int64_t row_pitch;         ///< floats between the image's rows
  std::int64_t rows;              ///< how many to compute
  std::int64_t top;               ///< the image's row under the window's first, for the first output row
  std::int64_t output_row_pitch;  ///< floats
  std::int64_t window_rows, stride, dilation;
};

/// Taps, so many pixels apart, that a distance has room for: of a dilation of 1, which nearly all layers
/// have, without a division.
inline std::int64_t taps_across(std::int64_t distance, std::int64_t dilation) noexcept {
  return dilation == 1 ? distance : (distance + dilation - 1) / dilation;
}

using DepthwiseKernel = void (*)(const DepthwiseBand& band) noexcept;

/// What an instruction set brings: functions for windows of 3, 5 and 7 columns and strides of 1 and 2,
/// without dilation, and one for everything else.
struct DepthwiseSet {
  int lanes;
  DepthwiseKernel usual[3][2];
  DepthwiseKernel any;
};

/// Convolutions of each channel by itself, to one channel.
struct Depthwise {
  static constexpr Signature kSignatures[] = {{Layout::nhwc, Layout::nhwc, DataType::f32},
                                              {Layout::nchwc, Layout::nchwc, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const DepthwiseSet& set, const LayerDesc& layer) noexcept;
  static std::size_t packed_bytes(const DepthwiseSet& set, const LayerDesc& layer);
  static Status pack(const DepthwiseSet& set, const LayerDesc& layer,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const DepthwiseSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
