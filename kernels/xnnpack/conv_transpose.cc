// SPDX-License-Identifier: Apache-2.0
//
// Transposed convolution. With strides it becomes one small convolution for each phase of the output.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/rows.h"
#include "kernels/xnnpack/weights_cache.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::conv_transpose};

struct Transposed {
  Convolution conv;
  std::uint32_t extra_height = 0;  // ONNX's output_padding
  std::uint32_t extra_width = 0;
};

Refusal read_extents(const LayerDesc& layer, Transposed& t) {
  const Convolution& c = t.conv;
  const Window& w = c.window;
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
  const std::int64_t height = (static_cast<std::int64_t>(c.input.height) - 1) * w.stride_height +
                              t.extra_height + w.span_height() - w.top - w.bottom;
  const std::int64_t width = (static_cast<std::int64_t>(c.input.width) - 1) * w.stride_width + t.extra_width +
                             w.span_width() - w.left - w.right;
  if (height != static_cast<std::int64_t>(c.output.height) ||
      width != static_cast<std::int64_t>(c.output.width)) {
    return Refusal::shape;
  }
  // Each phase must have its share of the output: XNNPACK does not expect one that begins past the end.
  if (height < w.stride_height || width < w.stride_width) return Refusal::stride;
  const std::int64_t taps = std::int64_t{w.kernel_height} * w.kernel_width;
  if (!fits_memory({static_cast<std::int64_t>(c.groups), static_cast<std::int64_t>(c.group_outputs) + 64,
                    static_cast<std::int64_t>(c.group_inputs) + 16,
                    taps + std::int64_t{w.stride_height} * w.stride_width}) ||
      !fits_memory({height + w.stride_height, width + std::int64_t{64} * w.stride_width, taps})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

Refusal read(const LayerDesc& layer, Transposed& t) {
  if (Refusal no = check_pattern(layer, Op::conv_transpose, 2); no != Refusal::none) return no;
  Convolution& c = t.conv;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& weights = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  if (x.constant) return Refusal::constant;
  if (!weights.constant || (bias != nullptr && !bias->constant)) return Refusal::not_constant;
  if (weights.format.type != DataType::f32 || (bias != nullptr && bias->format.type != DataType::f32)) {
    return Refusal::data_type;
  }
  if (Refusal no = read_pixels(x, c.input); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], c.output); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (weights.shape.rank() != rank || layer.outputs[0].shape.rank() != rank) return Refusal::rank;
  if (Refusal no = read_window(layer.main().attributes, rank - 2, c.window); no != Refusal::none) return no;
  if (c.window.stride_height > kMaxKernel || c.window.stride_width > kMaxKernel) return Refusal::stride;
  if (weights.shape[rank - 1] != c.window.kernel_width ||
      (rank == 4 && weights.shape[2] != c.window.kernel_height)) {
    return Refusal::kernel_size;
  }
  if (weights.shape[0] > kMaxExtent || weights.shape[1] > kMaxExtent) return Refusal::too_large;
  const std::int64_t groups = layer.main().attributes.integer("group", 1);
  if (groups < 1 || groups > kMaxExtent || weights.shape[0] % groups != 0 || weights.shape[1] < 1 ||
      weights.shape[0] != static_cast<std::int64_t>(c.input.channels) ||
      weights.shape[1] * groups != static_cast<std::int64_t>(c.output.channels) ||
      c.input.batch != c.output.batch) {
    return Refusal::groups;
  }
  c.groups = static_cast<std::size_t>(groups);
  c.group_inputs = static_cast<std::size_t>(weights.shape[0] / groups);
  c.group_outputs = static_cast<std::size_t>(weights.shape[1]);
  c.has_bias = bias != nullptr;
  if (c.has_bias && bias->shape.elements() != static_cast<std::int64_t>(c.output.channels))
    return Refusal::shape;
  return read_extents(layer, t);
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  Transposed t;
  return read(layer, t);
}

xnn_status create(const LayerDesc& layer, const Convolution& c, const float* weights, const float* bias,
                  xnn_weights_cache_t cache, Operator& op) noexcept {
  const Window& w = c.window;
  const Clamp clamp = output_clamp(layer);
  return xnn_create_deconvolution2d_nhwc_f32(
      w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
      w.dilation_height, w.dilation_width, static_cast<std::uint32_t>(c.groups), c.group_inputs,
      c.group_outputs, c.input.stride, c.output.stride, weights, bias, clamp.low, clamp.high, 0, nullptr,
      cache, op.out());
}

// ONNX keeps weights as input, output, y, x (all inputs of a group together); XNNPACK wants group, output, y,
// x, input.
void put_inputs_last(const Convolution& c, const float* from, float* to) noexcept {
  const std::size_t taps = std::size_t{c.window.kernel_height} * c.window.kernel_width;
  const std::size_t of_input = c.group_outputs * taps;
  for (std::size_t g = 0; g < c.groups; ++g, from += of_input * c.group_inputs) {
    for (std::size_t at = 0; at < of_input; ++at) {
      for (std::size_t i = 0; i < c.group_inputs; ++i) *to++ = from[i * of_input + at];
    }
  }
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  Transposed t;
  if (read(layer, t) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  return measure_packed([&](xnn_weights_cache_t cache, Operator& op) {
    const auto* weights = reinterpret_cast<const float*>(constants[input_index(layer, 1)].data());
    return create(layer, t.conv, weights, nullptr, cache, op);
  });
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Transposed t;
  if (read(layer, t) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const Convolution& c = t.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[input_index(layer, 1)].data());
  const std::size_t count =
      c.groups * c.group_outputs * c.group_inputs * c.window.kernel_height * c.window.kernel_width;
  const std::unique_ptr<float[]> reordered(new (std::nothrow) float[count]);
  if (reordered == nullptr) return out_of_memory();
  put_inputs_last(c, weights, reordered.get());
  const float* bias =
      c.has_bias ? reinterpret_cast<const float*>(constants[input_index(layer, 2)].data()) : nullptr;
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, c, reordered.get(), bias, cache, op);
  });
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Transposed t;
    if (read(args.layer, t) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status found = cache_.read(args.packed); !found) return found;
    const xnn_status status = create(args.layer, t.conv, cache_.dummy_weights(), nullptr, cache_.get(), op_);
    if (Status created = cache_.result(status, op_); !created) return created;
    // Reshaping moves the operator's pointers from the scratch memory, which packing left them in, to the
    // packed weights.
    const Pixels& input = t.conv.input;
    const xnn_status shaped =
        xnn_reshape_deconvolution2d_nhwc_f32(op_.get(), input.batch, input.height, input.width,
                                             t.extra_height, t.extra_width, nullptr, nullptr, &threads_);
    cache_.release_scratch();
    return check(shaped, "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_deconvolution2d_nhwc_f32(op_.get(), static_cast<const float*>(inputs[input_]),
                                                    static_cast<float*>(outputs[0])),
                 "set up an operator");
  }

 private:
  WeightsCache cache_;
  std::size_t input_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kConvTranspose = {
    .name = "conv_transpose.indirect.f32.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kNhwcOnly,
    .input_striding = Striding::pixels,
    .output_striding = Striding::pixels,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = nullptr,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack
