// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution in nhwc, any window, stride and dilation, direct. Threads share the output's rows.
#pragma once

#include "kernels/common/nhwc.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

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

using DepthwiseKernel = void (*)(const DepthwiseRow& row) noexcept;

/// What an instruction set brings: functions for windows of 3, 5 and 7 columns and strides of 1 and 2,
/// without dilation, and one for everything else.
struct DepthwiseSet {
  int lanes;
  DepthwiseKernel usual[3][2];
  DepthwiseKernel any;
};

Refusal depthwise_supports(const LayerDesc& layer) noexcept;
Result<std::size_t> depthwise_packed_bytes(const DepthwiseSet& set, const LayerDesc& layer);
Status depthwise_pack(const DepthwiseSet& set, const LayerDesc& layer,
                      std::span<const ConstantBytes> constants, std::span<std::byte> packed);
Result<std::unique_ptr<BoundKernel>> depthwise_bind(const DepthwiseSet& set, const BindArgs& args);

/// The row of an instruction set.
template <const DepthwiseSet& set>
constexpr Kernel depthwise_row_of(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.type = DataType::f32;
  kernel.layouts = kNhwcPair;
  kernel.input_striding = Striding::pixels;
  kernel.output_striding = Striding::pixels;
  kernel.threaded = true;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) { return depthwise_supports(layer); };
  kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
    return depthwise_packed_bytes(set, layer);
  };
  kernel.packed_for_any_size = true;
  kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) { return depthwise_pack(set, layer, constants, packed); };
  kernel.bind = [](const BindArgs& args) { return depthwise_bind(set, args); };
  return kernel;
}

}  // namespace fettle::kernels
