// SPDX-License-Identifier: Apache-2.0
//
// Matrix products with constant weights: gemm (fully connected layers) and matmul with a matrix on the right.
#include "kernels/xnnpack/gemm.h"

#include "kernels/common/product_shape.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"

namespace fettle::kernels::xnnpack {
namespace {

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
  const std::int64_t k = static_cast<std::int64_t>(p.depth);
  const std::int64_t n = static_cast<std::int64_t>(p.columns);
  const Shape& a = layer.operand(0)->shape;
  const Shape& y = layer.outputs[0].shape;
  if (k > kMaxExtent || n > kMaxExtent || !fits_memory({k + 16, n + 64}) ||
      !fits_memory({static_cast<std::int64_t>(p.height), n})) {
    return Refusal::too_large;
  }
  if (a[a.rank() - 1] != k || y[y.rank() - 1] != n ||
      y.elements() != static_cast<std::int64_t>(p.height) * n) {
    return Refusal::shape;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

// A row of one number for each output; not a column, which broadcasts along the other axis.
Refusal check_bias(const LayerDesc& layer, const Product& p, DataType type) {
  const TensorDesc* bias = layer.operand(2);
  if (bias == nullptr) return Refusal::none;
  if (!bias->constant) return Refusal::not_constant;
  if (bias->format.type != type) return Refusal::data_type;
  const auto n = static_cast<std::int64_t>(p.columns);
  const Shape& shape = bias->shape;
  const bool row = shape.rank() >= 1 && shape.elements() == n && shape[shape.rank() - 1] == n;
  return row ? Refusal::none : Refusal::shape;
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
  p.height = static_cast<std::size_t>(a[0]);
  p.depth = static_cast<std::size_t>(b[p.outputs_first ? 1 : 0]);
  p.columns = static_cast<std::size_t>(b[p.outputs_first ? 0 : 1]);
  return check_bias(layer, p, bias_type);
}

Refusal read_matmul(const LayerDesc& layer, Product& p, DataType type, DataType bias_type) {
  if (has_transposes(layer.main())) return Refusal::attribute;
  if (Refusal no = check_operands(layer, type); no != Refusal::none) return no;
  const Shape& a = layer.operand(0)->shape;
  const Shape& b = layer.operand(1)->shape;
  if (a.rank() < 2 || layer.outputs[0].shape.rank() != a.rank()) return Refusal::rank;
  if (b[0] < 1 || b[1] < 1) return Refusal::shape;
  p.depth = static_cast<std::size_t>(b[0]);
  p.columns = static_cast<std::size_t>(b[1]);
  p.height = static_cast<std::size_t>(a.elements()) / p.depth;
  return check_bias(layer, p, bias_type);
}

}  // namespace

Refusal read_product(const LayerDesc& layer, Product& p, DataType type, DataType bias_type) {
  const bool gemm = layer.main().op == Op::gemm;
  if (Refusal no = gemm ? read_gemm(layer, p, type, bias_type) : read_matmul(layer, p, type, bias_type);
      no != Refusal::none)
    return no;
  p.output_stride = p.columns;
  return check_extents(layer, p);
}

xnn_status ProductF32::create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                              Operator& op) const noexcept {
  const Clamp clamp = output_clamp(layer);
  return xnn_create_fully_connected_nc_f32(depth, columns, depth, output_stride, weights.values_as<float>(),
                                           weights.bias_as<float>(), clamp.low, clamp.high, flags(), nullptr,
                                           cache, op.out());
}

constinit const Kernel kGemm = for_many_outputs<ProductF32, Op::gemm>(
    entry<ProductF32, Op::gemm>("gemm.packed.f32.xnnpack", kNchw<kF32>));
constinit const Kernel kMatmul = for_many_outputs<ProductF32, Op::matmul>(
    entry<ProductF32, Op::matmul>("matmul.packed.f32.xnnpack", kNchw<kF32>));
constinit const Kernel kGemmFew = for_few_outputs<ProductF32, Op::gemm>(
    entry<ProductF32, Op::gemm>("gemm.packed_few.f32.xnnpack", kNchw<kF32>));
constinit const Kernel kMatmulFew = for_few_outputs<ProductF32, Op::matmul>(
    entry<ProductF32, Op::matmul>("matmul.packed_few.f32.xnnpack", kNchw<kF32>));

}  // namespace fettle::kernels::xnnpack
