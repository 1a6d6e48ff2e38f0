// SPDX-License-Identifier: Apache-2.0
//
// Matrix products with constant weights: gemm (fully connected layers) and matmul with a matrix on the right.
#include "kernels/xnnpack/gemm.h"

#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"
#include "kernels/xnnpack/weights_cache.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kGemmPattern[] = {Op::gemm};
constexpr Op kMatmulPattern[] = {Op::matmul};

Refusal check_operands(const LayerDesc& layer, DataType type) {
  const TensorDesc& a = *layer.operand(0);
  const TensorDesc& b = *layer.operand(1);
  if (a.constant) return Refusal::constant;
  if (!b.constant) return Refusal::not_constant;
  if (b.format.type != type) return Refusal::data_type;
  if (b.shape.rank() != 2) return Refusal::rank;
  if (Refusal no = check_dense(a, type); no != Refusal::none) return no;
  if (Refusal no = check_dense(layer.outputs[0], type); no != Refusal::none) return no;
  if (a.format.layout != Layout::nchw || layer.outputs[0].format.layout != Layout::nchw)
    return Refusal::layout;
  return Refusal::none;
}

Refusal check_extents(const LayerDesc& layer, const Product& p) {
  const std::int64_t k = static_cast<std::int64_t>(p.inputs);
  const std::int64_t n = static_cast<std::int64_t>(p.outputs);
  const Shape& a = layer.operand(0)->shape;
  const Shape& y = layer.outputs[0].shape;
  if (k > kMaxExtent || n > kMaxExtent || !fits_memory({k + 16, n + 64}) ||
      !fits_memory({static_cast<std::int64_t>(p.rows), n})) {
    return Refusal::too_large;
  }
  if (a[a.rank() - 1] != k || y[y.rank() - 1] != n || y.elements() != static_cast<std::int64_t>(p.rows) * n) {
    return Refusal::shape;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

Refusal read_gemm(const LayerDesc& layer, Product& p, DataType type, DataType bias_type) {
  if (Refusal no = check_operands(layer, type); no != Refusal::none) return no;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.integer("transA", 0) != 0 || attributes.real("alpha", 1) != 1 ||
      attributes.real("beta", 1) != 1) {
    return Refusal::attribute;
  }
  const Shape& a = layer.operand(0)->shape;
  const Shape& b = layer.operand(1)->shape;
  if (a.rank() != 2 || layer.outputs[0].shape.rank() != 2) return Refusal::rank;
  p.outputs_first = attributes.integer("transB", 0) != 0;
  if (b[0] < 1 || b[1] < 1) return Refusal::shape;
  p.rows = static_cast<std::size_t>(a[0]);
  p.inputs = static_cast<std::size_t>(b[p.outputs_first ? 1 : 0]);
  p.outputs = static_cast<std::size_t>(b[p.outputs_first ? 0 : 1]);
  if (const TensorDesc* c = layer.operand(2)) {
    if (!c->constant) return Refusal::not_constant;
    if (c->format.type != bias_type) return Refusal::data_type;
    // A row of one number for each output; not a column, which broadcasts along the other axis.
    const std::int64_t n = static_cast<std::int64_t>(p.outputs);
    if (c->shape.rank() < 1 || c->shape.elements() != n || c->shape[c->shape.rank() - 1] != n)
      return Refusal::shape;
    p.has_bias = true;
  }
  return check_extents(layer, p);
}

Refusal read_matmul(const LayerDesc& layer, Product& p, DataType type) {
  if (Refusal no = check_operands(layer, type); no != Refusal::none) return no;
  const Shape& a = layer.operand(0)->shape;
  const Shape& b = layer.operand(1)->shape;
  if (a.rank() < 2 || layer.outputs[0].shape.rank() != a.rank()) return Refusal::rank;
  if (b[0] < 1 || b[1] < 1) return Refusal::shape;
  p.inputs = static_cast<std::size_t>(b[0]);
  p.outputs = static_cast<std::size_t>(b[1]);
  p.rows = static_cast<std::size_t>(a.elements()) / p.inputs;
  return check_extents(layer, p);
}

}  // namespace

Refusal read_product(const LayerDesc& layer, Product& p, DataType type, DataType bias_type) {
  if (check_pattern(layer, Op::gemm, 2) == Refusal::none) return read_gemm(layer, p, type, bias_type);
  if (check_pattern(layer, Op::matmul, 2) == Refusal::none) return read_matmul(layer, p, type);
  return Refusal::op;
}

namespace {

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  Product p;
  if (Refusal no = check_pattern(layer, kOp, 2); no != Refusal::none) return no;
  return read_product(layer, p);
}

xnn_status create(const LayerDesc& layer, const Product& p, const float* weights, const float* bias,
                  xnn_weights_cache_t cache, Operator& op) noexcept {
  const Clamp clamp = output_clamp(layer);
  return xnn_create_fully_connected_nc_f32(p.inputs, p.outputs, p.inputs, p.outputs, weights, bias, clamp.low,
                                           clamp.high, p.outputs_first ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS,
                                           nullptr, cache, op.out());
}

const float* floats(std::span<const ConstantBytes> constants, std::size_t input) noexcept {
  return reinterpret_cast<const float*>(constants[input].data());
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes> constants) {
  Product p;
  if (read_product(layer, p) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  return measure_packed([&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, p, floats(constants, input_index(layer, 1)), nullptr, cache, op);
  });
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Product p;
  if (read_product(layer, p) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const float* weights = floats(constants, input_index(layer, 1));
  const float* bias = p.has_bias ? floats(constants, input_index(layer, 2)) : nullptr;
  return write_packed(packed, [&](xnn_weights_cache_t cache, Operator& op) {
    return create(layer, p, weights, bias, cache, op);
  });
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Product p;
    if (read_product(args.layer, p) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status found = cache_.read(args.packed); !found) return found;
    const xnn_status status = create(args.layer, p, cache_.dummy_weights(), nullptr, cache_.get(), op_);
    cache_.release_scratch();
    if (Status created = cache_.result(status, op_); !created) return created;
    return check(xnn_reshape_fully_connected_nc_f32(op_.get(), p.rows, &threads_), "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_fully_connected_nc_f32(op_.get(), static_cast<const float*>(inputs[input_]),
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

constinit const Kernel kGemm = {
    .name = "gemm.packed.f32.xnnpack",
    .revision = 1,
    .pattern = kGemmPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kRowMajor,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports<Op::gemm>,
    .workspace_bytes = nullptr,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .bind = bind,
};

constinit const Kernel kMatmul = {
    .name = "matmul.packed.f32.xnnpack",
    .revision = 1,
    .pattern = kMatmulPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kRowMajor,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports<Op::matmul>,
    .workspace_bytes = nullptr,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack
