// SPDX-License-Identifier: Apache-2.0
//
// Quantised convolutions: dense, grouped and depthwise, as in the f32 rows.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"
#include "kernels/xnnpack/weights_cache.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::conv};

Refusal read(const LayerDesc& layer, Convolution& c) noexcept {
  if (Refusal no = check_pattern(layer, Op::conv, 3); no != Refusal::none) return no;
  const DataType type = layer.operand(0)->format.type;
  if (!is_quantised_type(type)) return Refusal::data_type;
  if (Refusal no = read_convolution(layer, c, type, DataType::s32); no != Refusal::none) return no;
  return check_product(layer, static_cast<std::int64_t>(c.groups * c.group_outputs));
}

bool is_signed(const LayerDesc& layer) noexcept { return layer.operand(0)->format.type == DataType::s8; }

xnn_status create(const LayerDesc& layer, const Convolution& c, const void* weights, const std::int32_t* bias,
                  const float* scales, xnn_weights_cache_t cache, Operator& op) noexcept {
  const Window& w = c.window;
  const Format& x = layer.operand(0)->format;
  const Format& y = layer.outputs[0].format;
  const Format& k = layer.operand(1)->format;
  const StoredRange range = range_of(layer);
  const auto groups = static_cast<std::uint32_t>(c.groups);
  if (is_signed(layer)) {
    return xnn_create_convolution2d_nhwc_qs8_qc8w(
        w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
        w.dilation_height, w.dilation_width, groups, c.group_inputs, c.group_outputs, c.input.stride,
        c.output.stride, static_cast<std::int8_t>(x.zero_point), x.scale, scales,
        static_cast<const std::int8_t*>(weights), bias, static_cast<std::int8_t>(y.zero_point), y.scale,
        static_cast<std::int8_t>(range.low), static_cast<std::int8_t>(range.high), 0, nullptr, cache,
        op.out());
  }
  return xnn_create_convolution2d_nhwc_qu8(
      w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
      w.dilation_height, w.dilation_width, groups, c.group_inputs, c.group_outputs, c.input.stride,
      c.output.stride, static_cast<std::uint8_t>(x.zero_point), x.scale,
      static_cast<std::uint8_t>(k.zero_point), k.scale, static_cast<const std::uint8_t*>(weights), bias,
      static_cast<std::uint8_t>(y.zero_point), y.scale, static_cast<std::uint8_t>(range.low),
      static_cast<std::uint8_t>(range.high), 0, nullptr, cache, op.out());
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept
      : BoundOperator(args), input_(input_index(args.layer, 0)), signed_(is_signed(args.layer)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Convolution c;
    if (read(args.layer, c) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status found = cache_.read(args.packed); !found) return found;
    const std::unique_ptr<float[]> scales = weight_scales(args.layer, c.groups * c.group_outputs, {});
    if (scales == nullptr) return out_of_memory();
    const xnn_status status =
        create(args.layer, c, cache_.dummy_weights(), nullptr, scales.get(), cache_.get(), op_);
    cache_.release_scratch();
    if (Status created = cache_.result(status, op_); !created) return created;
    std::size_t workspace = 0;
    std::size_t alignment = 0;
    const auto reshape =
        signed_ ? xnn_reshape_convolution2d_nhwc_qs8_qc8w : xnn_reshape_convolution2d_nhwc_qu8;
    const xnn_status shaped = reshape(op_.get(), c.input.batch, c.input.height, c.input.width, &workspace,
                                      &alignment, nullptr, nullptr, &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    if (workspace > convolution_workspace(c, args.threads))
      return check(xnn_status_reallocation_required, "bind");
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    const xnn_status status =
        signed_ ? xnn_setup_convolution2d_nhwc_qs8_qc8w(op_.get(), workspace,
                                                        static_cast<const std::int8_t*>(inputs[input_]),
                                                        static_cast<std::int8_t*>(outputs[0]))
                : xnn_setup_convolution2d_nhwc_qu8(op_.get(), workspace,
                                                   static_cast<const std::uint8_t*>(inputs[input_]),
                                                   static_cast<std::uint8_t*>(outputs[0]));
    return check(status, "set up an operator");
  }

 private:
  WeightsCache cache_;
  std::size_t input_;
  bool signed_;
};

std::size_t workspace_bytes(const LayerDesc& layer, int threads) {
  Convolution c;
  return read(layer, c) == Refusal::none ? convolution_workspace(c, threads) : 0;
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  Convolution c;
  if (read(layer, c) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::unique_ptr<float[]> scales = weight_scales(layer, c.groups * c.group_outputs, constants);
  if (scales == nullptr) return out_of_memory();
  return measure_packed([&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, c, constants[input_index(layer, 1)].data(), nullptr, scales.get(), cache, op);
  });
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Convolution c;
  if (read(layer, c) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::byte* weights = constants[input_index(layer, 1)].data();
  const auto* bias = reinterpret_cast<const std::int32_t*>(constants[input_index(layer, 2)].data());
  const std::size_t taps = std::size_t{c.window.kernel_height} * c.window.kernel_width;
  std::unique_ptr<std::byte[]> reordered;
  if (taps > 1 && c.group_inputs > 1) {
    reordered.reset(new (std::nothrow) std::byte[c.groups * c.group_outputs * c.group_inputs * taps]);
    if (reordered == nullptr) return out_of_memory();
    put_inputs_last(c, weights, reordered.get());
    weights = reordered.get();
  }
  const std::unique_ptr<float[]> scales = weight_scales(layer, c.groups * c.group_outputs, constants);
  if (scales == nullptr) return out_of_memory();
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, c, weights, bias, scales.get(), cache, op);
  });
}

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

// XNNPACK's depthwise kernels for integers end here; larger windows it computes a channel at a time.
constexpr std::uint32_t kMostDepthwiseTaps = 25;

template <bool kDepthwise>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  Convolution c;
  if (const Refusal no = read(layer, c); no != Refusal::none) return no;
  const bool one_by_one = c.group_inputs == 1 && c.group_outputs == 1;
  if (kDepthwise && (!one_by_one || c.window.kernel_height * c.window.kernel_width > kMostDepthwiseTaps))
    return Refusal::kernel_size;
  return (c.groups > 1 && c.group_inputs == 1) == kDepthwise ? Refusal::none : Refusal::groups;
}

template <bool kDepthwise>
constexpr Kernel row(std::string_view name) noexcept {
  return {
      .name = name,
      .revision = 1,
      .pattern = kPattern,
      .isa = kRequiredIsa,
      .type = DataType::undefined,
      .layouts = kNhwcOnly,
      .input_striding = Striding::pixels,
      .output_striding = Striding::pixels,
      .overread_bytes = kOverreadBytes,
      .threaded = true,
      .supports = supports<kDepthwise>,
      .workspace_bytes = workspace_bytes,
      .packed_bytes = packed_bytes,
      .pack = pack,
      .bind = bind,
  };
}

}  // namespace

constinit const Kernel kConvQ8 = row<false>("conv.indirect.q8.xnnpack");
constinit const Kernel kDepthwiseConvQ8 = row<true>("dwconv.direct.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack
