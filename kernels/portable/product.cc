// SPDX-License-Identifier: Apache-2.0
//
// Dense layers and products of matrices, by Eigen.
#include "kernels/common/gemm_shape.h"
#include "kernels/common/product_shape.h"
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/tiles.h"

#include <utility>

namespace fettle::kernels::portable {
namespace {

void gemm(const Call& call) {
  const GemmShape shape(call.layer);
  const auto* weight = reinterpret_cast<const float*>(call.packed.data());
  const float* bias = weight + shape.k * shape.n;
  const Clamp clamp = clamp_of(call.layer);
  const Tiles tiles(shape.m, shape.n, shape.k);
  call.parallel(tiles.count(), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      auto [y, column] = tiles.multiply_tile(i, call.in(0), weight, call.out());
      y.rowwise() += ConstRow(bias + column, y.cols());
      y = y.cwiseMax(clamp.low).cwiseMin(clamp.high);
    }
  });
}

// Packed: the weight as K x N, then the bias.
Result<std::size_t> gemm_packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const GemmShape shape(layer);
  return static_cast<std::size_t>((shape.k + 1) * shape.n) * sizeof(float);
}

Status gemm_pack(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                 std::span<std::byte> packed) {
  const GemmShape shape(layer);
  const auto* weight = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  for (std::int64_t k = 0; k < shape.k; ++k) {
    for (std::int64_t n = 0; n < shape.n; ++n)
      target[k * shape.n + n] = shape.alpha * weight[shape.transposed ? n * shape.k + k : k * shape.n + n];
  }
  shape.scaled_bias(layer, constants, target + shape.k * shape.n);
  return {};
}

Refusal supports_gemm(const LayerDesc& layer, const Cpu&) { return check_gemm(layer); }

// Batches of products; an operand without batch axes is used for all.
void matmul(const Call& call) {
  const Shape& a = call.layer.inputs[0].shape;
  const Shape& b = call.layer.inputs[1].shape;
  const std::int64_t m = a[a.rank() - 2];
  const std::int64_t k = a[a.rank() - 1];
  const std::int64_t n = b[b.rank() - 1];
  const std::int64_t batches = call.layer.outputs.front().shape.elements() / (m * n);
  const std::int64_t step_a = a.elements() == m * k ? 0 : m * k;
  const std::int64_t step_b = b.elements() == k * n ? 0 : k * n;
  const Tiles tiles(m, n, k);
  call.parallel(batches * tiles.count(), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t batch = i / tiles.count();
      tiles.multiply_tile(i % tiles.count(), call.in(0) + batch * step_a, call.in(1) + batch * step_b,
                          call.out() + batch * m * n);
    }
  });
}

Refusal supports_matmul(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.inputs.size() != 2 || layer.outputs.empty()) return Refusal::op;
  if (has_transposes(layer.main())) return Refusal::attribute;
  const Shape& a = layer.inputs[0].shape;
  const Shape& b = layer.inputs[1].shape;
  const Shape& y = layer.outputs.front().shape;
  if (a.rank() < 2 || b.rank() < 2) return Refusal::rank;
  // Which operand has all batches must not depend on the run.
  if (layer.inputs[1].bounded != 0 || (layer.inputs[0].bounded != 0 && b.rank() > 2)) return Refusal::extent;
  if (y.elements() <= 0 || a.elements() <= 0 || b.elements() <= 0) return Refusal::shape;
  // Each operand has all batches or one; a mixture would need an index for each batch.
  const std::int64_t batches = y.elements() / (a[a.rank() - 2] * b[b.rank() - 1]);
  const std::int64_t batches_a = a.elements() / (a[a.rank() - 2] * a[a.rank() - 1]);
  const std::int64_t batches_b = b.elements() / (b[b.rank() - 2] * b[b.rank() - 1]);
  const bool fits = (batches_a == 1 || batches_a == batches) && (batches_b == 1 || batches_b == batches);
  return fits && !layer.main().clamp ? Refusal::none : Refusal::shape;
}

constexpr Op kGemmOp[] = {Op::gemm};
constexpr Op kMatmulOp[] = {Op::matmul};
constexpr Kernel kGemm = [] {
  Kernel kernel = entry<gemm>("gemm.packed.f32.portable", kGemmOp, kNchw<kF32>, supports_gemm);
  kernel.revision = 2;
  kernel.packed_bytes = gemm_packed_bytes;
  kernel.pack = gemm_pack;
  kernel.packed_for_any_size = true;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();
constexpr Kernel kMatmul = [] {
  Kernel kernel = entry<matmul>("matmul.gemm.f32.portable", kMatmulOp, kNchw<kF32>, supports_matmul);
  kernel.revision = 2;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();
constexpr const Kernel* kProductEntries[] = {kept(kGemm), kept(kMatmul)};

}  // namespace

std::span<const Kernel* const> product_entries() noexcept { return kProductEntries; }

}  // namespace fettle::kernels::portable
