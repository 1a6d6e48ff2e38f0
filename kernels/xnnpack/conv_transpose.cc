// SPDX-License-Identifier: Apache-2.0
//
// Transposed convolution. With strides it becomes one small convolution for each phase of the output.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/entries.h"

namespace fettle::kernels::xnnpack {
namespace {

struct Transposed : Convolution {
  static constexpr bool kHasWorkspace = false;

  Refusal read(const LayerDesc& layer);
  xnn_status create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                    Operator& op) const noexcept;
  Status reorder(Weights& weights) const noexcept;
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept;
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept;
  std::size_t workspace_bytes(int) const noexcept { return 0; }

  std::uint32_t extra_height = 0;  // ONNX's output_padding
  std::uint32_t extra_width = 0;
};

Refusal read_extents(const LayerDesc& layer, Transposed& t) {
  const Window& w = t.window;
  const std::span<const std::int64_t> extra = layer.main().attributes.integers("output_padding");
  const auto spatial = static_cast<std::size_t>(layer.operand(0)->shape.rank() - 2);
  if (!extra.empty()) {
    if (extra.size() != spatial) return Refusal::attribute;
    for (const std::int64_t value : extra) {
      if (value < 0 || value > kMaxExtent) return Refusal::attribute;
    }
    if (spatial == 2) t.extra_height = static_cast<std::uint32_t>(extra.front());
    t.extra_width = static_cast<std::uint32_t>(extra.back());
    if (t.extra_height >= w.stride_height || t.extra_width >= w.stride_width) return Refusal::attribute;
  }
  const std::int64_t height = (static_cast<std::int64_t>(t.input.height) - 1) * w.stride_height +
                              t.extra_height + w.span_height() - w.top - w.bottom;
  const std::int64_t width = (static_cast<std::int64_t>(t.input.width) - 1) * w.stride_width + t.extra_width +
                             w.span_width() - w.left - w.right;
  if (height != static_cast<std::int64_t>(t.output.height) ||
      width != static_cast<std::int64_t>(t.output.width)) {
    return Refusal::shape;
  }
  // Each phase must have its share of the output: XNNPACK does not expect one that begins past the end.
  if (height < w.stride_height || width < w.stride_width) return Refusal::stride;
  const auto taps = static_cast<std::int64_t>(t.taps());
  if (!fits_memory({static_cast<std::int64_t>(t.groups), static_cast<std::int64_t>(t.group_outputs) + 64,
                    static_cast<std::int64_t>(t.group_inputs) + 16,
                    taps + std::int64_t{w.stride_height} * w.stride_width}) ||
      !fits_memory({height + w.stride_height, width + std::int64_t{64} * w.stride_width, taps})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

Refusal Transposed::read(const LayerDesc& layer) {
  if (Refusal no = read_operands(layer, *this, DataType::f32, DataType::f32); no != Refusal::none) return no;
  if (window.stride_height > kMaxKernel || window.stride_width > kMaxKernel) return Refusal::stride;
  const TensorDesc& weights = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  const std::int64_t group = layer.main().attributes.integer("group", 1);
  if (group < 1 || group > kMaxExtent || weights.shape[0] % group != 0 || weights.shape[1] < 1 ||
      weights.shape[0] != static_cast<std::int64_t>(input.channels) ||
      weights.shape[1] * group != static_cast<std::int64_t>(output.channels)) {
    return Refusal::groups;
  }
  groups = static_cast<std::size_t>(group);
  group_inputs = static_cast<std::size_t>(weights.shape[0] / group);
  group_outputs = static_cast<std::size_t>(weights.shape[1]);
  if (bias != nullptr && bias->shape.elements() != static_cast<std::int64_t>(output.channels))
    return Refusal::shape;
  return read_extents(layer, *this);
}

xnn_status Transposed::create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                              Operator& op) const noexcept {
  const Window& w = window;
  const Clamp clamp = output_clamp(layer);
  return xnn_create_deconvolution2d_nhwc_f32(
      w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
      w.dilation_height, w.dilation_width, static_cast<std::uint32_t>(groups), group_inputs, group_outputs,
      input.stride, output.stride, weights.values_as<float>(), weights.bias_as<float>(), clamp.low,
      clamp.high, 0, nullptr, cache, op.out());
}

// ONNX keeps weights as input, output, y, x (all inputs of a group together); XNNPACK wants group, output, y,
// x, input.
Status Transposed::reorder(Weights& weights) const noexcept {
  const auto* from = weights.values_as<float>();
  auto* to = reinterpret_cast<float*>(reorder_into(weights, elements() * sizeof(float)));
  if (to == nullptr) return out_of_memory();
  const std::size_t of_input = group_outputs * taps();
  for (std::size_t g = 0; g < groups; ++g, from += of_input * group_inputs) {
    for (std::size_t at = 0; at < of_input; ++at) {
      for (std::size_t i = 0; i < group_inputs; ++i) *to++ = from[i * of_input + at];
    }
  }
  return {};
}

xnn_status Transposed::reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
  return xnn_reshape_deconvolution2d_nhwc_f32(op, input.batch, input.height, input.width, extra_height,
                                              extra_width, nullptr, nullptr, threads);
}

xnn_status Transposed::set_up(xnn_operator_t op, const Addresses& at) const noexcept {
  return set_up_with(xnn_setup_deconvolution2d_nhwc_f32, op, at);
}

}  // namespace

constinit const Kernel kConvTranspose = for_many_outputs<Transposed, Op::conv_transpose>(
    picture_entry<Transposed, Op::conv_transpose>("conv_transpose.indirect.f32.xnnpack"));
constinit const Kernel kConvTransposeFew = for_few_outputs<Transposed, Op::conv_transpose>(
    picture_entry<Transposed, Op::conv_transpose>("conv_transpose.indirect_few.f32.xnnpack"));

}  // namespace fettle::kernels::xnnpack
