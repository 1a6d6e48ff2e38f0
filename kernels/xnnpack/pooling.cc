// SPDX-License-Identifier: Apache-2.0
//
// Max and average pooling with windows.
//
// XNNPACK rounds output extents down. Rounding up (ceil_mode) is had by padding further at the bottom and
// right, which is harmless: padding is left out of the maximum, and out of the average unless it counts.
#include "kernels/xnnpack/pooling.h"

#include "kernels/xnnpack/entries.h"

#include <algorithm>

namespace fettle::kernels::xnnpack {
namespace {

// One axis: fits the padding at the end so that XNNPACK computes `outputs` positions, all of which touch the
// input.
bool fit_end(std::size_t inputs, std::size_t outputs, std::int64_t span, std::uint32_t stride,
             std::uint32_t begin, std::uint32_t asked_end, std::uint32_t& end) noexcept {
  const auto in = static_cast<std::int64_t>(inputs);
  const auto out = static_cast<std::int64_t>(outputs);
  // What ONNX allows, rounding down or up.
  const std::int64_t room = in + begin + asked_end - span;
  if (room < 0) return false;
  if (out != room / stride + 1 && out != (room + stride - 1) / stride + 1) return false;
  const std::int64_t last = (out - 1) * stride - begin;  // where the last window begins
  if (begin >= span || last >= in) return false;
  end = static_cast<std::uint32_t>(std::max<std::int64_t>(0, last + span - in));
  return true;
}

Refusal read_pooling(const LayerDesc& layer, Pooling& p, DataType type) {
  const TensorDesc& x = *layer.operand(0);
  if (x.constant) return Refusal::constant;
  if (Refusal no = read_pixels(x, p.input, type); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], p.output, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (layer.outputs[0].shape.rank() != rank) return Refusal::rank;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.integers("kernel_shape").empty()) return Refusal::kernel_size;
  if (attributes.integer("storage_order", 0) != 0) return Refusal::attribute;
  if (Refusal no = read_window(attributes, rank - 2, p.window); no != Refusal::none) return no;
  if (p.input.batch != p.output.batch || p.input.channels != p.output.channels) return Refusal::shape;
  Window& w = p.window;
  p.asks_for_padding = (w.top | w.left | w.bottom | w.right) != 0;
  const std::uint32_t bottom = w.bottom;
  const std::uint32_t right = w.right;
  if (!fit_end(p.input.height, p.output.height, w.span_height(), w.stride_height, w.top, bottom, w.bottom) ||
      !fit_end(p.input.width, p.output.width, w.span_width(), w.stride_width, w.left, right, w.right)) {
    return Refusal::padding;
  }
  const std::int64_t taps = std::int64_t{w.kernel_height} * w.kernel_width;
  if (!fits_memory({static_cast<std::int64_t>(p.output.height) + 2 * std::int64_t{w.top} + 2,
                    static_cast<std::int64_t>(p.output.width) + 16, taps + 16})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

}  // namespace

Refusal MaxPooling::read_as(const LayerDesc& layer, DataType type) {
  if (Refusal no = read_pooling(layer, *this, type); no != Refusal::none) return no;
  const Window& w = window;
  const std::uint32_t taps = w.kernel_height * w.kernel_width;
  if (taps < 2) return Refusal::kernel_size;
  // Larger windows take several passes, which read the output back four channels at a time, and past its end.
  if (taps > 9 && input.channels % 4 != 0) return Refusal::shape;
  if (w.stride_height > w.kernel_height || w.stride_width > w.kernel_width) return Refusal::stride;
  // XNNPACK replaces a padded tap by the nearest pixel, which a dilated window need not contain.
  const bool dilated = w.dilation_height > 1 || w.dilation_width > 1;
  return dilated && (w.top | w.left | w.bottom | w.right) != 0 ? Refusal::padding : Refusal::none;
}

namespace {

struct MaxPoolingF32 : MaxPooling {
  Refusal read(const LayerDesc& layer) { return read_as(layer, DataType::f32); }
  xnn_status create(const LayerDesc& layer, Operator& op) const noexcept {
    const Clamp clamp = output_clamp(layer);
    return create_with(xnn_create_max_pooling2d_nhwc_f32, clamp.low, clamp.high, op);
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return reshape_with(xnn_reshape_max_pooling2d_nhwc_f32, op, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_max_pooling2d_nhwc_f32, op, at);
  }
};

// XNNPACK's average pooling keeps tables for the rows of results at the top and at the bottom whose windows
// are padded, and takes the wrong one where a row belongs to both.
bool has_separate_ends(const Pooling& p) noexcept {
  const Window& w = p.window;
  const std::size_t top = (std::size_t{w.top} + w.stride_height - 1) / w.stride_height;
  const std::size_t bottom = (std::size_t{w.bottom} + w.stride_height - 1) / w.stride_height;
  return bottom <= 1 || top + bottom <= p.output.height;
}

struct AveragePooling : Pooling {
  static constexpr bool kHasWorkspace = true;

  Refusal read(const LayerDesc& layer) {
    if (Refusal no = read_pooling(layer, *this, DataType::f32); no != Refusal::none) return no;
    if (window.dilation_height != 1 || window.dilation_width != 1) return Refusal::dilation;
    if (!has_separate_ends(*this)) return Refusal::padding;
    // XNNPACK divides by the number of pixels under the window, never by that of pixels and padding.
    const bool counts = layer.main().attributes.integer("count_include_pad", 0) != 0;
    return asks_for_padding && counts ? Refusal::padding : Refusal::none;
  }
  std::size_t workspace_bytes(int threads) const {
    // With padding XNNPACK uses another kernel, which needs a quarter of the memory.
    const bool padded = (window.top | window.left | window.bottom | window.right) != 0;
    return passes_workspace(std::size_t{window.kernel_height} * window.kernel_width, input.channels, output,
                            threads, padded ? 1 : 4);
  }
  xnn_status create(const LayerDesc& layer, Operator& op) const noexcept {
    const Window& w = window;
    const Clamp clamp = output_clamp(layer);
    return xnn_create_average_pooling2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.kernel_height,
                                                 w.kernel_width, w.stride_height, w.stride_width, clamp.low,
                                                 clamp.high, 0, op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept {
    std::size_t alignment = 0;
    return xnn_reshape_average_pooling2d_nhwc_f32(op, input.batch, input.height, input.width, input.channels,
                                                  input.stride, output.stride, &workspace, &alignment,
                                                  nullptr, nullptr, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_average_pooling2d_nhwc_f32, op, at);
  }
};

}  // namespace

constinit const Kernel kMaxPool = with_nonfinite(
    kLosesNanOnX86, picture_entry<MaxPoolingF32, Op::max_pool>("max_pool.indirect.f32.xnnpack"));
constinit const Kernel kAveragePool = with_nonfinite(
    kLosesNanOnX86, picture_entry<AveragePooling, Op::average_pool>("average_pool.indirect.f32.xnnpack"));

}  // namespace fettle::kernels::xnnpack
