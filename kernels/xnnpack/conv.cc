// SPDX-License-Identifier: Apache-2.0
//
// Convolution of floats. Dense and grouped: by an indirection table, which makes a matrix product of it; 1x1
// convolutions are one as they are. Depthwise: directly.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/entries.h"

namespace fettle::kernels::xnnpack {

Refusal ConvolutionF32::read(const LayerDesc& layer) noexcept {
  return read_convolution(layer, *this, DataType::f32, DataType::f32);
}

xnn_status ConvolutionF32::create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                                  Operator& op) const noexcept {
  const Window& w = window;
  const Clamp clamp = output_clamp(layer);
  return xnn_create_convolution2d_nhwc_f32(
      w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
      w.dilation_height, w.dilation_width, static_cast<std::uint32_t>(groups), group_inputs, group_outputs,
      input.stride, output.stride, weights.values_as<float>(), weights.bias_as<float>(), clamp.low,
      clamp.high, 0, nullptr, cache, op.out());
}

xnn_status ConvolutionF32::reshape(xnn_operator_t op, std::size_t& workspace,
                                   pthreadpool_t threads) const noexcept {
  std::size_t alignment = 0;
  return xnn_reshape_convolution2d_nhwc_f32(op, input.batch, input.height, input.width, &workspace,
                                            &alignment, nullptr, nullptr, threads);
}

xnn_status ConvolutionF32::set_up(xnn_operator_t op, const Addresses& at) const noexcept {
  return set_up_with(xnn_setup_convolution2d_nhwc_f32, op, at);
}

namespace {

template <bool kDepthwise>
Refusal supports_kind(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, Op::conv, 2); no != Refusal::none) return no;
  ConvolutionF32 c;
  if (const Refusal no = c.read(layer); no != Refusal::none) return no;
  if (kDepthwise && c.is_one_by_one() && c.taps() > kMostDepthwiseTaps) return Refusal::kernel_size;
  // XNNPACK scales and shifts channels then, on x86 by a kernel for SSE, which loses NaN.
  if (kIsX86 && c.is_one_by_one() && c.taps() == 1) return Refusal::kernel_size;
  return c.is_depthwise() == kDepthwise ? Refusal::none : Refusal::groups;
}

template <bool kDepthwise>
constexpr Kernel conv_entry(std::string_view name) noexcept {
  Kernel kernel = picture_entry<ConvolutionF32, Op::conv>(name);
  kernel.supports = supports_kind<kDepthwise>;
  return if_selected(kernel);
}

}  // namespace

constinit const Kernel kConv = conv_entry<false>("conv.indirect.f32.xnnpack");
// Windows are filled up to 3, 4, 9 or 25 taps with products of some pixel and zero.
constinit const Kernel kDepthwiseConv =
    with_nonfinite(NonFinite::spreads_in_tile, conv_entry<true>("dwconv.direct.f32.xnnpack"));

}  // namespace fettle::kernels::xnnpack
