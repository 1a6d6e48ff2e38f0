// SPDX-License-Identifier: Apache-2.0
//
// Tensors and windows as XNNPACK's NHWC operators take them, read from layer descriptions with every check on
// the way.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>

namespace fettle::kernels::xnnpack {

/// No extent, kernel, pad or stride beyond this: XNNPACK computes some products of two of them in 32 bits.
inline constexpr std::int64_t kMaxExtent = std::int64_t{1} << 24;
/// No side of a kernel or window beyond this.
inline constexpr std::int64_t kMaxKernel = 1024;

/// Whether the product of the factors, times the size of a float or pointer and some padding, fits the
/// address space.
bool fits_memory(std::initializer_list<std::int64_t> factors) noexcept;

/// An nhwc tensor of rank 4, or of rank 3, which is a picture of height 1.
struct Pixels {
  std::size_t batch = 0;
  std::size_t channels = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t stride = 0;  ///< elements from one pixel to the next
};

/// Reads a tensor of that type whose pixels lie at equal distances.
Refusal read_pixels(const TensorDesc& tensor, Pixels& pixels, DataType type = DataType::f32) noexcept;

/// A window that slides over a picture: that of a convolution or a pooling.
struct Window {
  std::uint32_t kernel_height = 1, kernel_width = 1;
  std::uint32_t stride_height = 1, stride_width = 1;
  std::uint32_t dilation_height = 1, dilation_width = 1;
  std::uint32_t top = 0, left = 0, bottom = 0, right = 0;

  std::int64_t span_height() const noexcept { return std::int64_t{kernel_height - 1} * dilation_height + 1; }
  std::int64_t span_width() const noexcept { return std::int64_t{kernel_width - 1} * dilation_width + 1; }
};

/// Reads kernel_shape, strides, dilations and pads for that many spatial axes (1 or 2).
Refusal read_window(const Attributes& attributes, int spatial, Window& window) noexcept;

/// Bytes that windows of so many taps need in the workspace, where XNNPACK goes through them in several
/// passes: for each row of the output that is computed at the same time, one for each thread, `vectors` sums
/// for every channel. `bind` checks it against what XNNPACK asks for.
std::size_t passes_workspace(std::size_t taps, std::size_t channels, const Pixels& output, int threads,
                             std::size_t vectors) noexcept;

/// Whether a tensor of that type is dense, in a layout that XNNPACK knows, without an empty axis.
Refusal check_dense(const TensorDesc& tensor, DataType type = DataType::f32) noexcept;

/// Whether the layer is one part of that operator with one output and at least `operands` operands, all
/// there.
Refusal check_pattern(const LayerDesc& layer, Op op, std::size_t operands) noexcept;

/// The index of the layer's input that the first part's operand names.
std::size_t input_index(const LayerDesc& layer, std::size_t operand) noexcept;

}  // namespace fettle::kernels::xnnpack
