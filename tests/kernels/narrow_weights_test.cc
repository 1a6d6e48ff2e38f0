// SPDX-License-Identifier: Apache-2.0
//
// Weights that do not fit into fewer bits without more ado: of any magnitude, zeros, infinities and NaN.
#include "tests/kernels/narrow_weights.h"
#include "tests/kernels/variant.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

constexpr std::int64_t kDepth = 40;
constexpr std::int64_t kColumns = 70;

struct NarrowRow {
  const Kernel* kernel;
  DataType weights;
};

std::vector<NarrowRow> narrow_rows() {
  std::vector<NarrowRow> rows;
  for (const std::string type : {"f16", "bf16", "s8"}) {
    for (const Kernel* row : rows_here("gemm.panels.f32_" + type + "w"))
      rows.push_back({row, narrow_weights(*row)});
  }
  return rows;
}

// A dense layer of two rows whose weight k of column n is what the function says.
TestLayer dense_layer(const std::function<float(std::int64_t k, std::int64_t n)>& weight_of) {
  auto layer = make_layer(Op::gemm, {}, {input({2, kDepth}), weight({kDepth, kColumns}), weight({kColumns})});
  REQUIRE(layer);
  std::vector<float> weights;
  for (std::int64_t k = 0; k < kDepth; ++k) {
    for (std::int64_t n = 0; n < kColumns; ++n) weights.push_back(weight_of(k, n));
  }
  std::memcpy(layer->inputs[1].data(), weights.data(), layer->inputs[1].size());
  std::memset(layer->inputs[2].data(), 0, layer->inputs[2].size());
  return *layer;
}

std::vector<float> run(const Kernel& kernel, const TestLayer& layer) {
  const LayerDesc desc = with_signature(layer.desc, kernel.signatures.front(), this_cpu().isa);
  const Results results = run_variant(kernel, desc, layer, {});
  std::vector<float> floats(results[0].size() / sizeof(float));
  std::memcpy(floats.data(), results[0].data(), results[0].size());
  return floats;
}

std::vector<float> inputs_of(const TestLayer& layer) {
  std::vector<float> floats(layer.inputs[0].size() / sizeof(float));
  std::memcpy(floats.data(), layer.inputs[0].data(), layer.inputs[0].size());
  return floats;
}

float some_weight(std::int64_t k, std::int64_t n) {
  return static_cast<float>((k * 37 + n * 11) % 101 - 50) / 50;
}

}  // namespace

TEST_CASE("weights of any magnitude keep their precision in fewer bits", "[kernels]") {
  // A power of ten for each column, from those whose squares are subnormal to those whose squares are
  // infinite.
  const auto magnitude = [](std::int64_t n) { return std::pow(10.0f, static_cast<float>(n % 70 - 35)); };
  const TestLayer layer =
      dense_layer([&](std::int64_t k, std::int64_t n) { return some_weight(k, n) * magnitude(n); });
  const std::vector<float> x = inputs_of(layer);
  for (const NarrowRow& row : narrow_rows()) {
    INFO(row.kernel->name);
    // Half a unit of the largest weight, for each of the products, of inputs up to 2.
    const double unit = row.weights == DataType::f16    ? 0x1p-11
                        : row.weights == DataType::bf16 ? 0x1p-8
                                                        : 0x1p-8;
    const std::vector<float> y = run(*row.kernel, layer);
    for (std::int64_t r = 0; r < 2; ++r) {
      for (std::int64_t n = 0; n < kColumns; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < kDepth; ++k) {
          sum += static_cast<double>(x[static_cast<std::size_t>(r * kDepth + k)]) *
                 static_cast<double>(some_weight(k, n) * magnitude(n));
        }
        const double got = static_cast<double>(y[static_cast<std::size_t>(r * kColumns + n)]);
        CHECK(std::abs(got - sum) <= 2 * unit * kDepth * static_cast<double>(magnitude(n)));
      }
    }
  }
}

TEST_CASE("columns of zeros, and of subnormal and of the largest weights, give finite numbers", "[kernels]") {
  using Limits = std::numeric_limits<float>;
  const float values[] = {0.0f,          -0.0f,         Limits::denorm_min(), Limits::min() / 3,
                          Limits::max(), -Limits::max()};
  TestLayer layer = dense_layer([&](std::int64_t k, std::int64_t n) {
    return k == n % kDepth ? values[static_cast<std::size_t>(n) % std::size(values)] : 0.0f;
  });
  const std::vector<float> halves(2 * kDepth, 0.5f);
  std::memcpy(layer.inputs[0].data(), halves.data(), layer.inputs[0].size());
  for (const NarrowRow& row : narrow_rows()) {
    INFO(row.kernel->name);
    const std::vector<float> y = run(*row.kernel, layer);
    for (std::int64_t n = 0; n < kColumns; ++n) {
      INFO("column " << n);
      const auto value = static_cast<double>(values[static_cast<std::size_t>(n) % std::size(values)]);
      const double tolerance = std::abs(value) / 200 + static_cast<double>(Limits::min());
      CHECK(std::abs(static_cast<double>(y[static_cast<std::size_t>(n)]) - value / 2) <= tolerance);
    }
  }
}

TEST_CASE("NaN and infinite weights reach the results of their columns, and no others", "[kernels]") {
  using Limits = std::numeric_limits<float>;
  const TestLayer layer = dense_layer([](std::int64_t k, std::int64_t n) {
    if (k == 3 && n == 7) return Limits::quiet_NaN();
    if (k == 5 && n == 40) return Limits::infinity();
    return some_weight(k, n);
  });
  for (const NarrowRow& row : narrow_rows()) {
    INFO(row.kernel->name);
    const std::vector<float> y = run(*row.kernel, layer);
    for (std::int64_t n = 0; n < kColumns; ++n) {
      INFO("column " << n);
      const float got = y[static_cast<std::size_t>(n)];
      if (n == 7)
        CHECK(std::isnan(got));
      else if (n == 40)
        CHECK((row.weights == DataType::s8 ? std::isnan(got) : std::isinf(got)));
      else
        CHECK(std::isfinite(got));
    }
  }
}

TEST_CASE("each type of narrow weights has an entry where there is one for f32", "[kernels]") {
  std::set<DataType> types;
  for (const NarrowRow& row : narrow_rows()) types.insert(row.weights);
  if (rows_here("gemm.panels.f32").empty()) return;
  CHECK(types == std::set<DataType>{DataType::f16, DataType::bf16, DataType::s8});
}

}  // namespace fettle::test
