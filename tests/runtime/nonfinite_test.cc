// SPDX-License-Identifier: Apache-2.0
//
// Kernels that are weak with NaN and infinities: which a program may have.
#include "tests/common/numbers.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

bool uses_nonfinite(const Program& program, std::string_view kernel) {
  const auto steps = program.steps();
  return std::any_of(steps.begin(), steps.end(), [&](const StepInfo& step) { return step.kernel == kernel; });
}

// A row for additions that computes as the portable one does and declares `nonfinite`.
Kernel declared(NonFinite nonfinite) {
  Kernel row = *find_builtin_kernel("add.loop.f32.portable");
  row.name = "add.declared.f32.test";
  row.nonfinite = nonfinite;
  return row;
}

// Why the row is refused for the only addition of the network.
Refusal refusal_of(const Model& model, const CompileOptions& options, const Kernel& row) {
  for (const LayerVariants& layer : enumerate_variants(model, options)) {
    for (const VariantInfo& variant : layer.variants) {
      if (variant.kernel == &row && variant.variant.signature.input.layout == Layout::nchw)
        return variant.refusal;
    }
  }
  FAIL("the row is not listed");
  return Refusal::none;
}

// What the network gives for `input` with each variant that a plan may choose for its layers.
void check_every_variant(const onnx_bytes::ModelBytes& bytes, const std::vector<float>& input,
                         const std::vector<float>& expected) {
  const Model model = parse(bytes);
  std::size_t most = 1;
  for (std::size_t i = 0; i < most; ++i) {
    std::string chosen;
    const Plan plan = make_plan(model, 1, [&](const std::vector<VariantInfo>& variants) {
      most = std::max(most, variants.size());
      const std::size_t index = std::min(i, variants.size() - 1);
      chosen.append(" ").append(variants[index].kernel->name);
      return static_cast<int>(index);
    });
    INFO(chosen);
    const Program program = value_of(Program::compile(model, &plan));
    CHECK(program.report().empty());
    Runtime runtime = value_of(Runtime::create(program));
    succeeds(runtime.input(0).copy_from(input));
    succeeds(runtime.run());
    const auto got = runtime.output(0).values<float>();
    REQUIRE(got.size() == expected.size());
    for (std::size_t k = 0; k < got.size(); ++k) {
      INFO(k << ": " << got[k]);
      CHECK(std::isnan(got[k]) == std::isnan(expected[k]));
      if (std::isinf(expected[k])) CHECK(got[k] == expected[k]);
      if (std::isfinite(expected[k])) CHECK(std::abs(got[k] - expected[k]) <= 1e-6f * std::abs(expected[k]));
    }
  }
}

onnx_bytes::ModelBytes nonfinite_network(const onnx_bytes::Dims& input) {
  onnx_bytes::ModelBytes bytes;
  bytes.inputs = {onnx_bytes::value_info("x", input)};
  bytes.outputs = {"y"};
  return bytes;
}

}  // namespace

TEST_CASE("a dense layer with Relu of NaN is NaN whatever the plan", "[runtime][plan]") {
  onnx_bytes::ModelBytes bytes = nonfinite_network({2, 3});
  bytes.nodes = {onnx_bytes::node("Gemm", {"x", "w", "b"}, {"d"}), onnx_bytes::node("Relu", {"d"}, {"y"})};
  bytes.initialisers = {onnx_bytes::floats("w", {3, 2}, {1, 2, 3, -4, 5, 6}),
                        onnx_bytes::floats("b", {2}, {1, 1})};
  check_every_variant(bytes, {kNan, 1, 1, 1, kInfinity, 1}, {kNan, kNan, kInfinity, 0});
}

TEST_CASE("pools of NaN are NaN whatever the plan", "[runtime][plan]") {
  const std::vector<float> input{1, kNan, 3, 4, 5, 6, -kInfinity, 8, 9};
  for (const char* op : {"MaxPool", "AveragePool"}) {
    onnx_bytes::ModelBytes bytes = nonfinite_network({1, 1, 3, 3});
    bytes.nodes = {
        onnx_bytes::node(op, {"x"}, {"y"}, {onnx_bytes::attribute("kernel_shape", onnx_bytes::Dims{2, 2})})};
    const bool largest = std::string(op) == "MaxPool";
    check_every_variant(bytes, input, {kNan, kNan, largest ? 8 : -kInfinity, largest ? 9.0f : 7.0f});
  }
  onnx_bytes::ModelBytes bytes = nonfinite_network({1, 2, 3, 1});
  bytes.nodes = {onnx_bytes::node("GlobalMaxPool", {"x"}, {"y"})};
  check_every_variant(bytes, {1, kNan, 3, 1, -kInfinity, 2}, {kNan, 2});
}

TEST_CASE("Max and Min of NaN are NaN whichever operand it is, whatever the plan", "[runtime][plan]") {
  for (const char* op : {"Max", "Min"}) {
    onnx_bytes::ModelBytes bytes = nonfinite_network({5});
    bytes.nodes = {onnx_bytes::node(op, {"x", "k"}, {"y"})};
    bytes.initialisers = {onnx_bytes::floats("k", {5}, {1, 2, 2, -kInfinity, kInfinity})};
    const bool largest = std::string(op) == "Max";
    check_every_variant(
        bytes, {kNan, 1, 3, 1, 1},
        {kNan, largest ? 2.0f : 1, largest ? 3.0f : 2, largest ? 1 : -kInfinity, largest ? kInfinity : 1});
    bytes = nonfinite_network({3});
    bytes.nodes = {onnx_bytes::node("Neg", {"x"}, {"n"}), onnx_bytes::node(op, {"n", "x"}, {"y"})};
    check_every_variant(bytes, {kNan, 2, -kInfinity},
                        {kNan, largest ? 2.0f : -2, largest ? kInfinity : -kInfinity});
  }
}

TEST_CASE("functions of infinities and huge numbers are right whatever the plan", "[runtime][plan]") {
  const auto of = [](const char* op) {
    onnx_bytes::ModelBytes bytes = nonfinite_network({4});
    bytes.nodes = {onnx_bytes::node(op, {"x"}, {"y"})};
    return bytes;
  };
  check_every_variant(of("Sigmoid"), {-3e38f, 1e30f, kNan, kInfinity}, {0, 1, kNan, 1});
  check_every_variant(of("Sqrt"), {kInfinity, kNan, 4, -1}, {kInfinity, kNan, 2, kNan});
  check_every_variant(of("Tanh"), {-kInfinity, 3e38f, kNan, 0}, {-1, 1, kNan, 0});
  check_every_variant(of("Exp"), {-kInfinity, 3e38f, kNan, 0}, {0, kInfinity, kNan, 1});
  check_every_variant(of("Relu"), {-kInfinity, 3e38f, kNan, kInfinity}, {0, 3e38f, kNan, kInfinity});
  check_every_variant(of("Softmax"), {-kInfinity, 1, 1, -kInfinity}, {0, 0.5f, 0.5f, 0});
  check_every_variant(of("Softmax"), {0, 1, kNan, 2}, {kNan, kNan, kNan, kNan});
}

TEST_CASE("a kernel that loses NaN is neither a default nor taken from a plan", "[runtime][plan]") {
  const Model model = parse(residual_network());
  const Kernel row = declared(NonFinite::loses_nan);
  const Kernel* rows[] = {&row};
  CompileOptions options;
  options.kernels = rows;
  const Program strict = value_of(Program::compile(model, nullptr, options));
  CHECK_FALSE(uses_nonfinite(strict, row.name));
  CHECK(refusal_of(model, options, row) == Refusal::nonfinite);

  // Allowed, it is a row like any other.
  CompileOptions lenient = options;
  lenient.nonfinite = NonFinite::loses_nan;
  const Program allowed = value_of(Program::compile(model, nullptr, lenient));
  CHECK(uses_nonfinite(allowed, row.name));
  CHECK(refusal_of(model, lenient, row) == Refusal::none);

  // The plan that names it gets the default instead, and the report says why.
  const Plan plan = allowed.effective_plan();
  CHECK(value_of(Program::compile(model, &plan, lenient)).report().empty());
  const Program planned = value_of(Program::compile(model, &plan, options));
  CHECK_FALSE(uses_nonfinite(planned, row.name));
  REQUIRE(planned.report().size() == 1);
  CHECK(planned.report()[0].layer == "sum");
  CHECK(planned.report()[0].what.find("loses_nan") != std::string::npos);
  CHECK(outputs_of(planned) == outputs_of(strict));
}

TEST_CASE("an application's kernel that declares nothing is taken to be exact", "[runtime]") {
  CHECK(Kernel{}.nonfinite == NonFinite::exact);
  const Model model = parse(residual_network());
  const Kernel row = declared(Kernel{}.nonfinite);
  const Kernel* rows[] = {&row};
  CompileOptions options;
  options.kernels = rows;
  options.nonfinite = NonFinite::exact;
  CHECK(uses_nonfinite(value_of(Program::compile(model, nullptr, options)), row.name));
}

#if defined(__arm__) || defined(__aarch64__)
constexpr bool kOnArm = true;
#else
constexpr bool kOnArm = false;
#endif

TEST_CASE("programs that must be exact with NaN have no kernel that spreads it", "[runtime]") {
  onnx_bytes::ModelBytes bytes;
  bytes.inputs = {onnx_bytes::value_info("x", {1, 32, 14, 14})};
  bytes.outputs = {"y"};
  add_convolution(bytes, "x", "y", 32, 32);
  const Model model = parse(bytes);
  CompileOptions options;
  options.nonfinite = NonFinite::exact;
  const Program program = value_of(Program::compile(model, nullptr, options));
  for (const StepInfo& step : program.steps()) CHECK(step.kernel.find("winograd") == std::string::npos);
  for (const Kernel* kernel : builtin_kernels()) {
    INFO(kernel->name);
    const auto is = [&](std::string_view algorithm) {
      return kernel->name.find(algorithm) != std::string_view::npos;
    };
    const bool narrow_weights = is(".f32_f16w.") || is(".f32_bf16w.") || is(".f32_s8w.");
    const bool tiles = is(".winograd_") || is(".patches.") || is(".bilinear.") || narrow_weights ||
                       kernel->name == "dwconv.direct.f32.xnnpack" ||
                       (kOnArm && kernel->name == "prelu.direct.f32.xnnpack");
    CHECK((kernel->nonfinite == NonFinite::spreads_in_tile) == tiles);
  }
}

TEST_CASE("what is no degree of care with NaN is refused", "[runtime]") {
  const Model model = parse(residual_network());
  CompileOptions options;
  options.nonfinite = static_cast<NonFinite>(3);
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "nonfinite");
}

}  // namespace fettle::test
