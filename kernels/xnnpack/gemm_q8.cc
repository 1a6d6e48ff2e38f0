// SPDX-License-Identifier: Apache-2.0
//
// Quantised dense layers: gemm and matmul with a constant matrix on the right.
#include "kernels/xnnpack/gemm.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"
#include "kernels/xnnpack/weights_cache.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kGemmPattern[] = {Op::gemm};
constexpr Op kMatmulPattern[] = {Op::matmul};

Refusal read(const LayerDesc& layer, Product& p) {
  if (layer.parts.size() != 1 || layer.outputs.size() != 1 || layer.operand(0) == nullptr ||
      layer.operand(1) == nullptr)
    return Refusal::op;
  const DataType type = layer.operand(0)->format.type;
  if (!is_quantised_type(type)) return Refusal::data_type;
  if (Refusal no = read_product(layer, p, type, DataType::s32); no != Refusal::none) return no;
  return check_product(layer, static_cast<std::int64_t>(p.outputs));
}

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  Product p;
  if (Refusal no = check_pattern(layer, kOp, 3); no != Refusal::none) return no;
  return read(layer, p);
}

bool is_signed(const LayerDesc& layer) noexcept { return layer.operand(0)->format.type == DataType::s8; }

xnn_status create(const LayerDesc& layer, const Product& p, const void* weights, const std::int32_t* bias,
                  const float* scales, xnn_weights_cache_t cache, Operator& op) noexcept {
  const Format& x = layer.operand(0)->format;
  const Format& y = layer.outputs[0].format;
  const Format& k = layer.operand(1)->format;
  const StoredRange range = range_of(layer);
  const std::uint32_t flags = p.outputs_first ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS;
  if (is_signed(layer)) {
    return xnn_create_fully_connected_nc_qs8_qc8w(
        p.inputs, p.outputs, p.inputs, p.outputs, static_cast<std::int8_t>(x.zero_point), x.scale, scales,
        static_cast<const std::int8_t*>(weights), bias, static_cast<std::int8_t>(y.zero_point), y.scale,
        static_cast<std::int8_t>(range.low), static_cast<std::int8_t>(range.high), flags, nullptr, cache,
        op.out());
  }
  return xnn_create_fully_connected_nc_qu8(
      p.inputs, p.outputs, p.inputs, p.outputs, static_cast<std::uint8_t>(x.zero_point), x.scale,
      static_cast<std::uint8_t>(k.zero_point), k.scale, static_cast<const std::uint8_t*>(weights), bias,
      static_cast<std::uint8_t>(y.zero_point), y.scale, static_cast<std::uint8_t>(range.low),
      static_cast<std::uint8_t>(range.high), flags, nullptr, cache, op.out());
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  Product p;
  if (read(layer, p) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::unique_ptr<float[]> scales = weight_scales(layer, p.outputs, constants);
  if (scales == nullptr) return out_of_memory();
  return measure_packed([&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, p, constants[input_index(layer, 1)].data(), nullptr, scales.get(), cache, op);
  });
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Product p;
  if (read(layer, p) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::unique_ptr<float[]> scales = weight_scales(layer, p.outputs, constants);
  if (scales == nullptr) return out_of_memory();
  const auto* bias = reinterpret_cast<const std::int32_t*>(constants[input_index(layer, 2)].data());
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, p, constants[input_index(layer, 1)].data(), bias, scales.get(), cache, op);
  });
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept
      : BoundOperator(args), input_(input_index(args.layer, 0)), signed_(is_signed(args.layer)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Product p;
    if (read(args.layer, p) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status found = cache_.read(args.packed); !found) return found;
    const std::unique_ptr<float[]> scales = weight_scales(args.layer, p.outputs, {});
    if (scales == nullptr) return out_of_memory();
    const xnn_status status =
        create(args.layer, p, cache_.dummy_weights(), nullptr, scales.get(), cache_.get(), op_);
    cache_.release_scratch();
    if (Status created = cache_.result(status, op_); !created) return created;
    const auto reshape =
        signed_ ? xnn_reshape_fully_connected_nc_qs8_qc8w : xnn_reshape_fully_connected_nc_qu8;
    return check(reshape(op_.get(), p.rows, &threads_), "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    const xnn_status status =
        signed_
            ? xnn_setup_fully_connected_nc_qs8_qc8w(op_.get(),
                                                    static_cast<const std::int8_t*>(inputs[input_]),
                                                    static_cast<std::int8_t*>(outputs[0]))
            : xnn_setup_fully_connected_nc_qu8(op_.get(), static_cast<const std::uint8_t*>(inputs[input_]),
                                               static_cast<std::uint8_t*>(outputs[0]));
    return check(status, "set up an operator");
  }

 private:
  WeightsCache cache_;
  std::size_t input_;
  bool signed_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

template <Op kOp>
constexpr Kernel row(std::string_view name, std::span<const Op> pattern) noexcept {
  return {
      .name = name,
      .revision = 1,
      .pattern = pattern,
      .isa = kRequiredIsa,
      .type = DataType::undefined,
      .layouts = kRowMajor,
      .overread_bytes = kOverreadBytes,
      .threaded = true,
      .supports = supports<kOp>,
      .workspace_bytes = nullptr,
      .packed_bytes = packed_bytes,
      .pack = pack,
      .bind = bind,
  };
}

}  // namespace

constinit const Kernel kGemmQ8 = row<Op::gemm>("gemm.packed.q8.xnnpack", kGemmPattern);
constinit const Kernel kMatmulQ8 = row<Op::matmul>("matmul.packed.q8.xnnpack", kMatmulPattern);

}  // namespace fettle::kernels::xnnpack
