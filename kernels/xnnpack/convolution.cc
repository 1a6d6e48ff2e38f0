// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/convolution.h"

#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/weights_cache.h"

#include <algorithm>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

xnn_status create(const LayerDesc& layer, const Convolution& c, const float* weights, const float* bias,
                  xnn_weights_cache_t cache, Operator& op) noexcept {
  const Window& w = c.window;
  const Clamp clamp = output_clamp(layer);
  return xnn_create_convolution2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width,
                                           w.stride_height, w.stride_width, w.dilation_height,
                                           w.dilation_width, static_cast<std::uint32_t>(c.groups),
                                           c.group_inputs, c.group_outputs, c.input.stride, c.output.stride,
                                           weights, bias, clamp.low, clamp.high, 0, nullptr, cache, op.out());
}

const float* floats(std::span<const ConstantBytes> constants, std::size_t input) noexcept {
  return reinterpret_cast<const float*>(constants[input].data());
}

class BoundConvolution final : public BoundOperator {
 public:
  explicit BoundConvolution(const BindArgs& args) noexcept
      : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Convolution c;
    if (read_convolution(args.layer, c) != Refusal::none)
      return check(xnn_status_unsupported_parameter, "bind");
    if (Status found = cache_.read(args.packed); !found) return found;
    const xnn_status status = create(args.layer, c, cache_.dummy_weights(), nullptr, cache_.get(), op_);
    cache_.release_scratch();
    if (Status created = cache_.result(status, op_); !created) return created;
    std::size_t workspace = 0;
    std::size_t alignment = 0;
    if (Status shaped =
            check(xnn_reshape_convolution2d_nhwc_f32(op_.get(), c.input.batch, c.input.height, c.input.width,
                                                     &workspace, &alignment, nullptr, nullptr, &threads_),
                  "reshape an operator");
        !shaped) {
      return shaped;
    }
    if (workspace > convolution_workspace(args.layer, args.threads)) {
      return check(xnn_status_reallocation_required, "bind");
    }
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    return check(
        xnn_setup_convolution2d_nhwc_f32(op_.get(), workspace, static_cast<const float*>(inputs[input_]),
                                         static_cast<float*>(outputs[0])),
        "set up an operator");
  }

 private:
  WeightsCache cache_;
  std::size_t input_;
};

}  // namespace

Refusal read_convolution(const LayerDesc& layer, Convolution& c, DataType type, DataType bias_type) noexcept {
  if (Refusal no = check_pattern(layer, Op::conv, 2); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& weights = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  if (x.constant) return Refusal::constant;
  if (!weights.constant || (bias != nullptr && !bias->constant)) return Refusal::not_constant;
  if (weights.format.type != type || (bias != nullptr && bias->format.type != bias_type)) {
    return Refusal::data_type;
  }
  if (Refusal no = read_pixels(x, c.input, type); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], c.output, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (weights.shape.rank() != rank || layer.outputs[0].shape.rank() != rank) return Refusal::rank;

  const Attributes& attributes = layer.main().attributes;
  if (Refusal no = read_window(attributes, rank - 2, c.window); no != Refusal::none) return no;
  const Window& w = c.window;
  if (weights.shape[rank - 1] != w.kernel_width || (rank == 4 && weights.shape[2] != w.kernel_height)) {
    return Refusal::kernel_size;
  }
  if (weights.shape[0] > kMaxExtent || weights.shape[1] > kMaxExtent) return Refusal::too_large;
  const std::int64_t groups = attributes.integer("group", 1);
  if (groups < 1 || groups > kMaxExtent || weights.shape[0] < 1 || weights.shape[0] % groups != 0 ||
      weights.shape[1] < 1 || weights.shape[1] * groups != static_cast<std::int64_t>(c.input.channels) ||
      weights.shape[0] != static_cast<std::int64_t>(c.output.channels) || c.input.batch != c.output.batch) {
    return Refusal::groups;
  }
  c.groups = static_cast<std::size_t>(groups);
  c.group_inputs = static_cast<std::size_t>(weights.shape[1]);
  c.group_outputs = static_cast<std::size_t>(weights.shape[0] / groups);
  c.has_bias = bias != nullptr;
  if (c.has_bias && bias->shape.elements() != weights.shape[0]) return Refusal::shape;

  const std::int64_t room_y = static_cast<std::int64_t>(c.input.height) + w.top + w.bottom - w.span_height();
  const std::int64_t room_x = static_cast<std::int64_t>(c.input.width) + w.left + w.right - w.span_width();
  if (room_y < 0 || room_x < 0) return Refusal::shape;
  if (room_y / w.stride_height + 1 != static_cast<std::int64_t>(c.output.height) ||
      room_x / w.stride_width + 1 != static_cast<std::int64_t>(c.output.width)) {
    return Refusal::shape;
  }
  // Packed weights, with both channels rounded up to a tile; and the table of a pointer for each tap of each
  // pixel.
  const std::int64_t taps = std::int64_t{w.kernel_height} * w.kernel_width;
  if (!fits_memory({groups, static_cast<std::int64_t>(c.group_outputs) + 64,
                    static_cast<std::int64_t>(c.group_inputs) + 16, taps}) ||
      !fits_memory({static_cast<std::int64_t>(c.output.height) + 16,
                    static_cast<std::int64_t>(c.output.width) + 16, taps})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

std::size_t convolution_workspace(const Convolution& c, int threads) noexcept {
  if (c.group_inputs != 1 || c.group_outputs != 1) return 0;
  const std::size_t taps = std::size_t{c.window.kernel_height} * c.window.kernel_width;
  return passes_workspace(taps, c.groups, c.output, threads, 1);
}

std::size_t convolution_workspace(const LayerDesc& layer, int threads) {
  Convolution c;
  return read_convolution(layer, c) == Refusal::none ? convolution_workspace(c, threads) : 0;
}

Result<std::size_t> convolution_packed_bytes(const LayerDesc& layer,
                                             std::span<const ConstantBytes> constants) {
  Convolution c;
  if (read_convolution(layer, c) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  return measure_packed([&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, c, floats(constants, input_index(layer, 1)), nullptr, cache, op);
  });
}

Status pack_convolution(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                        std::span<std::byte> packed) {
  Convolution c;
  if (read_convolution(layer, c) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const float* weights = floats(constants, input_index(layer, 1));
  const float* bias = c.has_bias ? floats(constants, input_index(layer, 2)) : nullptr;
  const std::size_t taps = std::size_t{c.window.kernel_height} * c.window.kernel_width;
  std::unique_ptr<float[]> reordered;
  if (taps > 1 && c.group_inputs > 1) {
    reordered.reset(new (std::nothrow) float[c.groups * c.group_outputs * c.group_inputs * taps]);
    if (reordered == nullptr) return out_of_memory();
    put_inputs_last(c, weights, reordered.get());
    weights = reordered.get();
  }
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, c, weights, bias, cache, op);
  });
}

Result<std::unique_ptr<BoundKernel>> bind_convolution(const BindArgs& args) {
  std::unique_ptr<BoundConvolution> bound(new (std::nothrow) BoundConvolution(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace fettle::kernels::xnnpack
