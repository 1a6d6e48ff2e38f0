// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/narrow_weights.h"

#include "kernels/common/product_shape.h"
#include "lib/base/narrow_floats.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fettle::test {
namespace {

// The weights of one column as they are stored, and what stands for them.
void round_column(std::vector<float>& column, DataType type) {
  float largest = 0;
  for (const float weight : column) largest = std::max(largest, std::abs(weight));
  if (largest == 0) return;
  const float power = std::ldexp(1.0f, std::ilogb(largest));
  const float step = largest / 127;
  for (float& weight : column) {
    if (type == DataType::f16)
      weight = from_f16(to_f16(weight / power)) * power;
    else if (type == DataType::bf16)
      weight = from_bf16(to_bf16(weight));
    else
      weight = std::nearbyint(weight / step) * step;
  }
}

}  // namespace

DataType narrow_weights(const Kernel& kernel) {
  const Signature& signature = kernel.signatures.front();
  const bool narrow = signature.input.type == DataType::f32 && signature.weights != DataType::f32;
  return narrow ? signature.weights : DataType::undefined;
}

TestLayer with_rounded_weights(TestLayer layer, DataType type) {
  const auto s = kernels::ProductShape::of(layer.desc);
  REQUIRE(s);
  std::vector<std::byte>& bytes = layer.inputs[static_cast<std::size_t>(layer.desc.main().operands[1])];
  auto* weights = reinterpret_cast<float*>(bytes.data());
  for (std::int64_t product = 0; product < (s->shares_b() ? 1 : s->batches()); ++product) {
    for (std::int64_t n = 0; n < s->n; ++n) {
      float* first = weights + s->offset(s->b, product) + n * s->b.column;
      std::vector<float> column;
      for (std::int64_t k = 0; k < s->k; ++k) column.push_back(s->alpha * first[k * s->b.row]);
      round_column(column, type);
      for (std::int64_t k = 0; k < s->k; ++k)
        first[k * s->b.row] = column[static_cast<std::size_t>(k)] / s->alpha;
    }
  }
  return layer;
}

}  // namespace fettle::test
