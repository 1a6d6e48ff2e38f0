// SPDX-License-Identifier: Apache-2.0
//
// Dense layers: one SGEMM, with the bias before and the clamp after. Threads share out the columns.
#include "benchmarks/baseline/blas.h"
#include "benchmarks/baseline/rows.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace fettle::benchmarks {
namespace {

constexpr Op kPattern[] = {Op::gemm};
constexpr Signature kSignatures[] = {{Layout::nchw, Layout::nchw, DataType::f32}};

void run(const Call& call) {
  const Shape& a = call.layer().inputs[0].shape;
  const std::int64_t m = a[0];
  const std::int64_t k = a[1];
  const std::int64_t n = call.layer().outputs[0].shape[1];
  const float* bias = call.weights() + k * n;
  call.share(n, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t count = last - first;
    float* y = call.output() + first;
    for (std::int64_t row = 0; row < m; ++row) std::copy_n(bias + first, count, y + row * n);
    add_product(m, count, k, {call.input(), k}, {call.weights() + first, n}, y, n);
    for (std::int64_t row = 0; row < m; ++row) call.clamp(y + row * n, count);
  });
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.main().attributes.integer("transA") != 0) return Refusal::attribute;
  const std::int64_t columns = layer.outputs[0].shape[1];
  return layer.inputs.size() < 3 || layer.inputs[2].shape.elements() == columns ? Refusal::none
                                                                                : Refusal::shape;
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  return static_cast<std::size_t>((layer.inputs[0].shape[1] + 1) * layer.outputs[0].shape[1]) * sizeof(float);
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const Attributes& attributes = layer.main().attributes;
  const bool transposed = attributes.integer("transB") != 0;
  const float alpha = attributes.real("alpha", 1);
  const float beta = attributes.real("beta", 1);
  const std::int64_t k = layer.inputs[0].shape[1];
  const std::int64_t n = layer.outputs[0].shape[1];
  const auto* weight = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  for (std::int64_t row = 0; row < k; ++row) {
    for (std::int64_t column = 0; column < n; ++column)
      *target++ = alpha * weight[transposed ? column * k + row : row * n + column];
  }
  const bool biased = layer.inputs.size() > 2;
  const auto* bias = biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  for (std::int64_t column = 0; column < n; ++column) *target++ = biased ? beta * bias[column] : 0.0f;
  return {};
}

constexpr Kernel make_row() {
  Kernel row{};
  row.name = "gemm.f32.openblas";
  row.revision = 1;
  row.pattern = kPattern;
  row.signatures = kSignatures;
  row.threaded = true;
  row.supports = supports;
  row.packed_bytes = packed_bytes;
  row.pack = pack;
  row.bind = bind<run>;
  return row;
}
constexpr Kernel kRow = make_row();

}  // namespace

const Kernel& dense_row() noexcept { return kRow; }

std::span<const Kernel* const> blas_kernels() noexcept {
  static const std::array<const Kernel*, 2> rows{&conv_row(), &dense_row()};
  return rows;
}

std::span<const Kernel* const> caffe_kernels() {
  static const std::vector<const Kernel*> rows = [] {
    std::vector<const Kernel*> chosen{&caffe_conv_row(), &dense_row()};
    for (const std::string_view backend : {".portable", ".reference"}) {
      for (const Kernel* kernel : builtin_kernels()) {
        if (kernel->name.ends_with(backend)) chosen.push_back(kernel);
      }
    }
    return chosen;
  }();
  return rows;
}

}  // namespace fettle::benchmarks
