// SPDX-License-Identifier: Apache-2.0
//
// Kernels that are weak with NaN and infinities: which a program may have.
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>

namespace fettle::test {
namespace {

bool uses(const Program& program, std::string_view kernel) {
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
      if (variant.kernel == &row && variant.layouts.input == Layout::nchw) return variant.refusal;
    }
  }
  FAIL("the row is not listed");
  return Refusal::none;
}

}  // namespace

TEST_CASE("a kernel that loses NaN is neither a default nor taken from a plan", "[runtime][plan]") {
  const Model model = parse(residual_network());
  const Kernel row = declared(NonFinite::loses_nan);
  const Kernel* rows[] = {&row};
  CompileOptions options;
  options.kernels = rows;
  const Program strict = value_of(Program::compile(model, nullptr, options));
  CHECK_FALSE(uses(strict, row.name));
  CHECK(refusal_of(model, options, row) == Refusal::nonfinite);

  // Allowed, it is a row like any other.
  CompileOptions lenient = options;
  lenient.nonfinite = NonFinite::loses_nan;
  const Program allowed = value_of(Program::compile(model, nullptr, lenient));
  CHECK(uses(allowed, row.name));
  CHECK(refusal_of(model, lenient, row) == Refusal::none);

  // The plan that names it gets the default instead, and the report says why.
  const Plan plan = allowed.effective_plan();
  CHECK(value_of(Program::compile(model, &plan, lenient)).report().empty());
  const Program planned = value_of(Program::compile(model, &plan, options));
  CHECK_FALSE(uses(planned, row.name));
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
  CHECK(uses(value_of(Program::compile(model, nullptr, options)), row.name));
}

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
    const bool winograd = kernel->name.find("winograd") != std::string_view::npos;
    CHECK((kernel->nonfinite == NonFinite::spreads_in_tile) == winograd);
  }
}

TEST_CASE("what is no degree of care with NaN is refused", "[runtime]") {
  const Model model = parse(residual_network());
  CompileOptions options;
  options.nonfinite = static_cast<NonFinite>(3);
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "nonfinite");
}

}  // namespace fettle::test
