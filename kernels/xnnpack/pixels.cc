// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/pixels.h"

#include <algorithm>
#include <limits>

namespace fettle::kernels::xnnpack {

bool fits_memory(std::initializer_list<std::int64_t> factors) noexcept {
  // A sixteenth of the address space: room for the size of an element and for what XNNPACK adds.
  std::int64_t rest = std::numeric_limits<std::ptrdiff_t>::max() / 16;
  for (const std::int64_t factor : factors) {
    if (factor < 0) return false;
    if (factor > 1) rest /= factor;
    if (rest == 0) return false;
  }
  return true;
}

Refusal read_pixels(const TensorDesc& tensor, Pixels& pixels, DataType type) noexcept {
  if (tensor.format.type != type) return Refusal::data_type;
  const int rank = tensor.shape.rank();
  if (rank != 3 && rank != 4) return Refusal::rank;
  if (tensor.format.layout != Layout::nhwc) return Refusal::layout;
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 1) return Refusal::shape;
    if (extent > kMaxExtent) return Refusal::too_large;
  }
  if (tensor.shape[1] > 1 && tensor.strides[1] != 1) return Refusal::strides;
  // From the last spatial axis to the batch, each distance must be the pixels inside times the distance of
  // two pixels.
  std::int64_t stride = 0;
  std::int64_t inside = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    if (axis == 1) continue;
    const std::int64_t extent = tensor.shape[axis];
    if (extent > 1) {
      const std::int64_t distance = tensor.strides[static_cast<std::size_t>(axis)];
      if (stride == 0) stride = distance / inside;
      if (stride <= 0 || stride > kMaxExtent || distance != stride * inside) return Refusal::strides;
    }
    inside *= extent;
    if (inside > std::numeric_limits<std::int64_t>::max() / kMaxExtent) return Refusal::too_large;
  }
  if (stride == 0) stride = tensor.shape[1];
  if (stride < tensor.shape[1]) return Refusal::strides;
  if (!fits_memory({inside, stride})) return Refusal::too_large;
  pixels.batch = static_cast<std::size_t>(tensor.shape[0]);
  pixels.channels = static_cast<std::size_t>(tensor.shape[1]);
  pixels.height = rank == 4 ? static_cast<std::size_t>(tensor.shape[2]) : 1;
  pixels.width = static_cast<std::size_t>(tensor.shape[rank - 1]);
  pixels.stride = static_cast<std::size_t>(stride);
  return Refusal::none;
}

namespace {

// Reads one or two values into {height, width}. Absent ones keep what is there.
bool read_pair(std::span<const std::int64_t> values, int spatial, std::int64_t low, std::int64_t high,
               std::uint32_t& height, std::uint32_t& width) noexcept {
  if (values.empty()) return true;
  if (values.size() != static_cast<std::size_t>(spatial)) return false;
  for (const std::int64_t value : values) {
    if (value < low || value > high) return false;
  }
  if (spatial == 2) height = static_cast<std::uint32_t>(values.front());
  width = static_cast<std::uint32_t>(values.back());
  return true;
}

}  // namespace

Refusal read_window(const Attributes& attributes, int spatial, Window& window) noexcept {
  if (spatial != 1 && spatial != 2) return Refusal::rank;
  if (!read_pair(attributes.integers("kernel_shape"), spatial, 1, kMaxKernel, window.kernel_height,
                 window.kernel_width)) {
    return Refusal::kernel_size;
  }
  if (!read_pair(attributes.integers("strides"), spatial, 1, kMaxExtent, window.stride_height,
                 window.stride_width)) {
    return Refusal::stride;
  }
  if (!read_pair(attributes.integers("dilations"), spatial, 1, kMaxExtent, window.dilation_height,
                 window.dilation_width)) {
    return Refusal::dilation;
  }
  const std::span<const std::int64_t> pads = attributes.integers("pads");
  if (pads.empty()) return Refusal::none;
  const auto count = static_cast<std::size_t>(spatial);
  if (pads.size() != 2 * count ||
      !read_pair(pads.first(count), spatial, 0, kMaxExtent, window.top, window.left) ||
      !read_pair(pads.last(count), spatial, 0, kMaxExtent, window.bottom, window.right)) {
    return Refusal::padding;
  }
  return Refusal::none;
}

std::size_t passes_workspace(std::size_t taps, std::size_t channels, const Pixels& output, int threads,
                             std::size_t vectors) noexcept {
  constexpr std::size_t kMostTapsInOnePass = 9;
  constexpr std::size_t kSlackBytes = 256;  // micro-kernels round channels up
  constexpr std::size_t kAlignment = 64;
  if (taps <= kMostTapsInOnePass) return 0;
  const std::size_t rows =
      std::min(static_cast<std::size_t>(std::max(threads, 1)), output.batch * output.height);
  const std::size_t row_bytes = (channels * sizeof(float) + kSlackBytes) * vectors;
  return rows * ((row_bytes + kAlignment - 1) / kAlignment * kAlignment);
}

Refusal check_dense(const TensorDesc& tensor, DataType type) noexcept {
  if (tensor.format.type != type) return Refusal::data_type;
  if (tensor.format.layout == Layout::nchwc) return Refusal::layout;
  std::int64_t elements = 1;
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 1) return Refusal::shape;
    if (!fits_memory({elements, extent})) return Refusal::too_large;
    elements *= extent;
  }
  return tensor.dense() ? Refusal::none : Refusal::strides;
}

Refusal check_pattern(const LayerDesc& layer, Op op, std::size_t operands) noexcept {
  if (layer.parts.size() != 1 || layer.main().op != op || layer.outputs.size() != 1) return Refusal::op;
  for (std::size_t i = 0; i < operands; ++i) {
    if (layer.operand(i) == nullptr) return Refusal::op;
  }
  return Refusal::none;
}

std::size_t input_index(const LayerDesc& layer, std::size_t operand) noexcept {
  return static_cast<std::size_t>(layer.main().operands[operand]);
}

}  // namespace fettle::kernels::xnnpack
