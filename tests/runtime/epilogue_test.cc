// SPDX-License-Identifier: Apache-2.0
//
// Epilogues: what a kernel can compute of its pattern's result. Each is a variant of the kernel that names
// what it covers; plans choose it, and the static defaults may.
#include "lib/compile/kernel_table.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

constexpr Op kConvOp[] = {Op::conv};
constexpr Op kAddOps[] = {Op::add};
constexpr Op kTanhOps[] = {Op::tanh};
constexpr Op kAddThenTanh[] = {Op::add, Op::tanh};
constexpr std::span<const Op> kSum[] = {kAddOps};
constexpr std::span<const Op> kAll[] = {kAddOps, kTanhOps, kAddThenTanh};

// A convolution that runs nothing, to ask about.
Kernel made_up(std::span<const std::span<const Op>> epilogues) {
  Kernel kernel{};
  kernel.name = "conv.made_up.f32.test";
  kernel.pattern = kConvOp;
  kernel.epilogues = epilogues;
  return kernel;
}

// A convolution of so many operands with these parts behind it; an addition's residual is the last input.
LayerDesc region_of(int operands, std::initializer_list<Op> behind) {
  LayerDesc layer;
  LayerPart conv{Op::conv, {}, {}, {}};
  for (int i = 0; i < operands; ++i) conv.operands.push_back(i);
  layer.parts.push_back(conv);
  layer.inputs.resize(static_cast<std::size_t>(operands));
  for (const Op op : behind) {
    const int before = result_of_part(static_cast<int>(layer.parts.size()) - 1);
    LayerPart part{op, {}, {}, {before}};
    if (op == Op::add) {
      part.operands.insert(part.operands.begin(), static_cast<int>(layer.inputs.size()));
      layer.inputs.emplace_back();
    }
    layer.inner.emplace_back();
    layer.parts.push_back(part);
  }
  layer.outputs.emplace_back();
  return layer;
}

// The portable convolution under another name, whose regions the defaults may take.
Kernel own_convolution() {
  Kernel kernel = *find_builtin_kernel("conv.gemm.f32.portable");
  kernel.name = "conv.own.f32.test";
  kernel.by_default = [](const LayerDesc&) { return false; };
  return kernel;
}

const StepInfo* step_of(const Program& program, std::string_view layer) {
  const auto steps = program.steps();
  const auto step = std::find_if(steps.begin(), steps.end(), [&](const StepInfo& info) {
    return info.layer == layer && !info.conversion;
  });
  return step == steps.end() ? nullptr : &*step;
}

}  // namespace

TEST_CASE("a kernel runs its pattern, by itself and with each of its epilogues", "[runtime]") {
  const Kernel some = made_up(kSum);
  CHECK(has_pattern(some, region_of(3, {})));
  CHECK(has_pattern(some, region_of(3, {Op::add})));
  CHECK_FALSE(has_pattern(some, region_of(3, {Op::tanh})));
  CHECK_FALSE(has_pattern(some, region_of(3, {Op::add, Op::tanh})));
  CHECK(has_pattern(made_up(kAll), region_of(3, {Op::add, Op::tanh})));
  CHECK_FALSE(has_pattern(made_up(kAll), region_of(3, {Op::tanh, Op::add})));
  CHECK_FALSE(has_pattern(made_up({}), region_of(3, {Op::add})));
  LayerDesc none;
  CHECK_FALSE(has_pattern(some, none));
}

TEST_CASE("names with epilogues are those of a build with selected kernels", "[runtime]") {
  CHECK(name_with_epilogue(made_up(kAll), region_of(2, {})) == "conv.made_up.f32.test");
  CHECK(name_with_epilogue(made_up(kAll), region_of(2, {Op::tanh})) == "conv.made_up.f32.test+tanh");
  CHECK(name_with_epilogue(made_up(kAll), region_of(2, {Op::add, Op::tanh})) ==
        "conv.made_up.f32.test+add+tanh");
}

TEST_CASE("a residual may share its memory wherever it stands", "[runtime]") {
  Kernel kernel = made_up(kAll);
  CHECK(in_place_inputs(kernel, region_of(2, {Op::add})) == 0);
  kernel.residual_in_place = true;
  CHECK(in_place_inputs(kernel, region_of(2, {})) == 0);
  CHECK(in_place_inputs(kernel, region_of(2, {Op::tanh})) == 0);
  CHECK(in_place_inputs(kernel, region_of(2, {Op::add})) == 0b100);
  CHECK(in_place_inputs(kernel, region_of(3, {Op::add})) == 0b1000);
  CHECK(in_place_inputs(kernel, region_of(3, {Op::add, Op::tanh})) == 0b1000);
  CHECK(in_place_inputs(kernel, region_of(40, {Op::add})) == 0);
  kernel.in_place = 1;
  CHECK(in_place_inputs(kernel, region_of(2, {})) == 1);
}

TEST_CASE("epilogues are at most one addition and one activation", "[runtime]") {
  Kernel kernel = own_convolution();
  static constexpr Op kTwoSums[] = {Op::add, Op::add};
  static constexpr Op kTwoFunctions[] = {Op::tanh, Op::sigmoid};
  static constexpr std::span<const Op> kWrong[][1] = {{kTwoSums}, {kTwoFunctions}, {{}}};
  kernel.epilogues = kAll;
  CHECK(runtime::is_complete(&kernel));
  for (const auto& wrong : kWrong) {
    kernel.epilogues = wrong;
    CHECK_FALSE(runtime::is_complete(&kernel));
    const Kernel* own[] = {&kernel};
    CompileOptions options;
    options.kernels = own;
    error_of(Program::compile(parse(residual_network()), nullptr, options), ErrorCode::kInvalidArgument,
             "conv.own.f32.test");
  }
}

TEST_CASE("a kernel with an epilogue is a variant that names what it covers", "[runtime][plan]") {
  const Model model = parse(residual_network());
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
  int alone = 0;
  int with_sum = 0;
  for (const LayerVariants& layer : enumerate_variants(model)) {
    for (const VariantInfo& info : layer.variants) {
      if (info.kernel->name != "conv.gemm.f32.portable") continue;
      alone += info.variant.covers.empty();
      with_sum += info.variant.covers == std::vector<std::string>{"sum"};
      CHECK_FALSE((info.is_default && !info.variant.covers.empty()));
    }
  }
  CHECK(alone == 4);  // both layouts of both convolutions
  CHECK(with_sum == 2);

  Plan plan = value_of(Program::compile(model)).effective_plan();
  auto& layers = plan.points.front().layers;
  layers.erase("sum");
  const Signature pixels(Layout::nhwc, Layout::nhwc, DataType::f32);
  layers.at("b").variant = {"conv.gemm.f32.portable", 1, pixels, {}, 1, {"sum"}};
  const Program program = value_of(Program::compile(model, &plan));
  CHECK(program.report().empty());
  const StepInfo* step = step_of(program, "b");
  REQUIRE(step != nullptr);
  CHECK(step->kernel == "conv.gemm.f32.portable");
  CHECK(name_with_epilogue(*find_builtin_kernel(step->kernel), step->desc) == "conv.gemm.f32.portable+add");
  CHECK(step_of(program, "sum") == nullptr);
  CHECK(program.effective_plan().points.front().layers == layers);
  CHECK(relative_error(outputs_of(program), expected) < 1e-5);

  // No epilogue of it covers the first convolution with what follows.
  layers.at("a").variant = {"conv.gemm.f32.portable", 1, pixels, {}, 1, {"b"}};
  const Program reported = value_of(Program::compile(model, &plan));
  REQUIRE(reported.report().size() == 1);
  CHECK(reported.report()[0].what.find("cannot cover") != std::string::npos);
}

TEST_CASE("the defaults take a region where its kernel's rule says that it pays", "[runtime][plan]") {
  const Model model = parse(residual_network());
  const Program standard = value_of(Program::compile(model));
  const std::vector<float> expected = outputs_of(standard);
  Kernel own = own_convolution();
  const Kernel* kernels[] = {&own};
  CompileOptions options;
  options.kernels = kernels;

  // Without a rule, or where it says no, regions are for plans.
  CHECK(step_of(value_of(Program::compile(model, nullptr, options)), "b")->kernel != own.name);
  own.region_by_default = [](const LayerDesc& region) { return region.parts.size() > 2; };
  CHECK(step_of(value_of(Program::compile(model, nullptr, options)), "b")->kernel != own.name);
  // No built-in kernel has one yet.
  for (const Kernel* kernel : builtin_kernels()) CHECK(kernel->region_by_default == nullptr);

  own.region_by_default = [](const LayerDesc& region) { return region.parts.back().op == Op::add; };
  const Program program = value_of(Program::compile(model, nullptr, options));
  REQUIRE(step_of(program, "b") != nullptr);
  CHECK(step_of(program, "b")->kernel == own.name);
  CHECK(step_of(program, "sum") == nullptr);
  CHECK(step_of(program, "a")->kernel == step_of(standard, "a")->kernel);
  CHECK(relative_error(outputs_of(program), expected) < 1e-5);

  // It is the default that variants are marked with, and a plan like any other.
  int defaults = 0;
  for (const LayerVariants& layer : enumerate_variants(model, options)) {
    for (const VariantInfo& info : layer.variants) {
      defaults += info.is_default;
      if (layer.layer == "b" && info.is_default)
        CHECK(info.variant.covers == std::vector<std::string>{"sum"});
    }
  }
  CHECK(defaults == 2);
  const Plan plan = program.effective_plan();
  const Program again = value_of(Program::compile(model, &plan, options));
  CHECK(again.report().empty());
  CHECK(again.effective_plan().points.front().layers == plan.points.front().layers);

  // A plan for one of its layers rules the region out; a plan for another does not.
  Plan part = standard.effective_plan();
  auto& layers = part.points.front().layers;
  layers.erase("b");
  const Program ruled_out = value_of(Program::compile(model, &part, options));
  CHECK(ruled_out.report().empty());
  CHECK(step_of(ruled_out, "sum") != nullptr);
  CHECK(step_of(ruled_out, "b")->kernel != own.name);
  layers.erase("sum");
  CHECK(step_of(value_of(Program::compile(model, &part, options)), "b")->kernel == own.name);
}

}  // namespace fettle::test
