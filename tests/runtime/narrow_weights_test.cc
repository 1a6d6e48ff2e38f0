// SPDX-License-Identifier: Apache-2.0
//
// Weights in fewer bits than the graph has them: what plans ask for and defaults never take.
#include "tests/runtime/models.h"

#include <fettle/plan.h>
#include <fettle/program.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>

namespace fettle::test {
namespace {

constexpr std::int64_t kInputs = 200;
constexpr std::int64_t kOutputs = 50;

// x -> dense layer with a bias (+Relu) -> y.
Model dense_network(std::vector<float> weights) {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("x", {2, kInputs})};
  model.outputs = {"y"};
  model.nodes.push_back(node("Gemm", {"x", "w", "b"}, {"d"}, {}, "dense"));
  model.initialisers.push_back(floats("w", {kInputs, kOutputs}, std::move(weights)));
  model.initialisers.push_back(floats("b", {kOutputs}, numbers(kOutputs, 3)));
  model.nodes.push_back(node("Relu", {"d"}, {"y"}, {}, "relu"));
  return parse(model);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return difference / largest;
}

// The variants of the layer that store its weights otherwise, and can run here.
std::vector<VariantInfo> narrow_variants(const Model& model) {
  std::vector<VariantInfo> narrow;
  for (const LayerVariants& layer : enumerate_variants(model)) {
    for (const VariantInfo& variant : layer.variants) {
      if (layer.layer != "dense" || variant.refusal != Refusal::none) continue;
      if (variant.variant.signature.weights == DataType::f32) continue;
      CHECK_FALSE(variant.is_default);
      CHECK(variant.kernel->rounding > 1);
      narrow.push_back(variant);
    }
  }
  return narrow;
}

}  // namespace

TEST_CASE("a plan's weights in fewer bits are packed, smaller, and near the default's results",
          "[runtime][plan]") {
  const Model model = dense_network(numbers(kInputs * kOutputs, 5));
  const Program standard = value_of(Program::compile(model));
  const std::vector<float> expected = outputs_of(standard);
  std::set<DataType> types;
  for (const VariantInfo& variant : narrow_variants(model)) {
    INFO(variant.variant.text());
    const DataType type = variant.variant.signature.weights;
    types.insert(type);
    Plan plan = standard.effective_plan();
    plan.points.front().layers.at("dense").variant = variant.variant;
    const std::string text = plan.json();
    CHECK(text.find("w:" + std::string(to_string(type))) != std::string::npos);
    const Plan read = value_of(Plan::parse(text));
    const Program program = value_of(Program::compile(model, &read));
    for (const ReportEntry& entry : program.report()) FAIL_CHECK(entry.layer << ": " << entry.what);
    CHECK(program.effective_plan().points.front().layers.at("dense").variant == variant.variant);
    REQUIRE(program.steps().front().kernel == variant.kernel->name);
    // The weights in whole vectors, a bias and a scale for each column.
    constexpr std::size_t kPadded = 64;
    CHECK(program.steps().front().packed_bytes <=
          kPadded * (kInputs * size_of(type) + 2 * sizeof(float)) + 64);
    const double error = largest_difference(outputs_of(program), expected);
    CHECK(error > 0);
    CHECK(error < (type == DataType::f16 ? 1e-3 : 1e-2));
  }
  const bool fast = find_builtin_kernel("gemm.panels.f32.avx2") != nullptr ||
                    find_builtin_kernel("gemm.panels.f32.neon") != nullptr;
  if (!fast || types.empty()) SKIP("this build or CPU has no such kernel");
  CHECK(types == std::set<DataType>{DataType::f16, DataType::bf16, DataType::s8});
}

TEST_CASE("weights of any size can be stored in fewer bits", "[runtime][plan]") {
  std::vector<float> weights = numbers(kInputs * kOutputs, 5);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % kOutputs % 3 == 0) weights[i] *= 1e20f;  // whole columns, far beyond float16
  }
  const Model model = dense_network(weights);
  const Program standard = value_of(Program::compile(model));
  const std::vector<float> expected = outputs_of(standard);
  for (const VariantInfo& variant : narrow_variants(model)) {
    INFO(variant.variant.text());
    Plan plan = standard.effective_plan();
    plan.points.front().layers.at("dense").variant = variant.variant;
    const Program program = value_of(Program::compile(model, &plan));
    CHECK(program.report().empty());
    CHECK(largest_difference(outputs_of(program), expected) < 1e-2);
  }
}

}  // namespace fettle::test
