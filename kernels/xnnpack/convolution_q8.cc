// SPDX-License-Identifier: Apache-2.0
//
// Quantised convolutions: dense, grouped and depthwise, as in the f32 rows.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/quantised.h"

namespace fettle::kernels::xnnpack {
namespace {

struct ConvolutionQ8 : Convolution {
  static constexpr std::size_t kOperands = 3;
  static constexpr DataType kType = DataType::undefined;

  Refusal read(const LayerDesc& layer) noexcept;
  xnn_status create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                    Operator& op) const noexcept;
  Status reorder(Weights& weights) const noexcept { return put_inputs_last<std::byte>(*this, weights); }
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept;
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept;

  bool is_signed = false;
};

Refusal ConvolutionQ8::read(const LayerDesc& layer) noexcept {
  const DataType type = layer.operand(0)->format.type;
  if (!is_quantised_type(type)) return Refusal::data_type;
  is_signed = type == DataType::s8;
  if (Refusal no = read_convolution(layer, *this, type, DataType::s32); no != Refusal::none) return no;
  return check_product(layer, static_cast<std::int64_t>(outputs()));
}

xnn_status ConvolutionQ8::create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                                 Operator& op) const noexcept {
  const Window& w = window;
  const Format& x = layer.operand(0)->format;
  const Format& y = layer.outputs[0].format;
  const Format& k = layer.operand(1)->format;
  const StoredRange range = range_of(layer);
  const auto group = static_cast<std::uint32_t>(groups);
  const auto* bias = weights.bias_as<std::int32_t>();
  if (is_signed) {
    return xnn_create_convolution2d_nhwc_qs8_qc8w(
        w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
        w.dilation_height, w.dilation_width, group, group_inputs, group_outputs, input.stride, output.stride,
        static_cast<std::int8_t>(x.zero_point), x.scale, weights.scales.get(),
        weights.values_as<std::int8_t>(), bias, static_cast<std::int8_t>(y.zero_point), y.scale,
        static_cast<std::int8_t>(range.low), static_cast<std::int8_t>(range.high), 0, nullptr, cache,
        op.out());
  }
  return xnn_create_convolution2d_nhwc_qu8(
      w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
      w.dilation_height, w.dilation_width, group, group_inputs, group_outputs, input.stride, output.stride,
      static_cast<std::uint8_t>(x.zero_point), x.scale, static_cast<std::uint8_t>(k.zero_point), k.scale,
      weights.values_as<std::uint8_t>(), bias, static_cast<std::uint8_t>(y.zero_point), y.scale,
      static_cast<std::uint8_t>(range.low), static_cast<std::uint8_t>(range.high), 0, nullptr, cache,
      op.out());
}

xnn_status ConvolutionQ8::reshape(xnn_operator_t op, std::size_t& workspace,
                                  pthreadpool_t threads) const noexcept {
  const auto function =
      is_signed ? xnn_reshape_convolution2d_nhwc_qs8_qc8w : xnn_reshape_convolution2d_nhwc_qu8;
  std::size_t alignment = 0;
  return function(op, input.batch, input.height, input.width, &workspace, &alignment, nullptr, nullptr,
                  threads);
}

xnn_status ConvolutionQ8::set_up(xnn_operator_t op, const Addresses& at) const noexcept {
  return is_signed ? set_up_with(xnn_setup_convolution2d_nhwc_qs8_qc8w, op, at)
                   : set_up_with(xnn_setup_convolution2d_nhwc_qu8, op, at);
}

template <bool kDepthwise>
Refusal supports_kind_q8(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, Op::conv, 3); no != Refusal::none) return no;
  ConvolutionQ8 c;
  if (const Refusal no = c.read(layer); no != Refusal::none) return no;
  if (kDepthwise && (!c.is_one_by_one() || c.taps() > kMostDepthwiseTaps)) return Refusal::kernel_size;
  return c.is_depthwise() == kDepthwise ? Refusal::none : Refusal::groups;
}

template <bool kDepthwise>
constexpr Kernel conv_row_q8(std::string_view name) noexcept {
  Kernel kernel = picture_entry<ConvolutionQ8, Op::conv>(name);
  kernel.supports = supports_kind_q8<kDepthwise>;
  return if_selected(kernel);
}

}  // namespace

constinit const Kernel kConvQ8 = conv_row_q8<false>("conv.indirect.q8.xnnpack");
constinit const Kernel kDepthwiseConvQ8 = conv_row_q8<true>("dwconv.direct.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack
