// SPDX-License-Identifier: Apache-2.0
//
// An application's own kernels: preferred, chosen by plans, checked; clamps that one leaves; regions.
#include "lib/base/narrow_floats.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace fettle::test {
namespace {

constexpr Op kKernelsAdd[] = {Op::add};
constexpr Signature kBoth[] = {{Layout::nchw, Layout::nchw, DataType::f32},
                               {Layout::nhwc, Layout::nhwc, DataType::f32}};

int g_runs = 0;

class Adder final : public BoundKernel {
 public:
  explicit Adder(std::int64_t count) : count_(count) {}
  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    a_ = static_cast<const float*>(inputs[0]);
    b_ = static_cast<const float*>(inputs[1]);
    y_ = static_cast<float*>(outputs[0]);
    return {};
  }
  Status run() noexcept override {
    ++g_runs;
    for (std::int64_t i = 0; i < count_; ++i) y_[i] = a_[i] + b_[i];
    return {};
  }

 private:
  std::int64_t count_;
  const float* a_ = nullptr;
  const float* b_ = nullptr;
  float* y_ = nullptr;
};

Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() != 2 || !(layer.inputs[0].shape == layer.inputs[1].shape)) return Refusal::shape;
  return layer.main().clamp ? Refusal::clamp : Refusal::none;
}
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  return std::unique_ptr<BoundKernel>(std::make_unique<Adder>(args.layer.inputs[0].shape.elements()));
}

Kernel adder_row(bool leaves_clamp) {
  Kernel row{};
  row.name = "add.own.f32.test";
  row.revision = 1;
  row.pattern = kKernelsAdd;
  row.signatures = kBoth;
  row.in_place = 1;
  row.leaves_clamp = leaves_clamp;
  row.supports = supports;
  row.bind = bind;
  return row;
}

bool uses_kernels(const Program& program, std::string_view kernel) {
  const auto steps = program.steps();
  return std::any_of(steps.begin(), steps.end(), [&](const StepInfo& step) { return step.kernel == kernel; });
}

}  // namespace

TEST_CASE("an application's row is taken first and gives the same results", "[runtime]") {
  const Model model = parse(residual_network());
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));

  // It cannot clamp, and the network clamps the sum: refused, the built-in one is used.
  const Kernel strict = adder_row(false);
  const Kernel* rows[] = {&strict};
  CompileOptions options;
  options.kernels = rows;
  CHECK_FALSE(uses_kernels(value_of(Program::compile(model, nullptr, options)), strict.name));

  // It leaves the clamp to a step of its own.
  const Kernel lenient = adder_row(true);
  rows[0] = &lenient;
  const Program program = value_of(Program::compile(model, nullptr, options));
  REQUIRE(uses_kernels(program, lenient.name));
  g_runs = 0;
  CHECK(relative_error(outputs_of(program), expected) < 1e-6);
  CHECK(g_runs == 1);
  CHECK(*std::min_element(expected.begin(), expected.end()) == 0.0f);
  const auto after = std::find_if(program.steps().begin(), program.steps().end(),
                                  [](const StepInfo& step) { return step.desc.main().op == Op::clamp; });
  CHECK(after != program.steps().end());

  // Its plan needs the row: without it the default is used, and the report says so.
  const Plan plan = program.effective_plan();
  CHECK(uses_kernels(value_of(Program::compile(model, &plan, options)), lenient.name));
  const Program without = value_of(Program::compile(model, &plan));
  REQUIRE_FALSE(without.report().empty());
  CHECK(without.report()[0].what.find(std::string(lenient.name)) != std::string::npos);
  CHECK(outputs_of(without) == expected);
}

TEST_CASE("a row may leave layers to others by default", "[runtime]") {
  const Model model = parse(residual_network());
  Kernel row = adder_row(true);
  const Kernel* rows[] = {&row};
  CompileOptions options;
  options.kernels = rows;
  row.by_default = [](const LayerDesc& layer) { return layer.outputs[0].shape[1] != 8; };
  CHECK_FALSE(uses_kernels(value_of(Program::compile(model, nullptr, options)), row.name));
  row.by_default = [](const LayerDesc& layer) { return layer.outputs[0].shape[1] == 8; };
  const Program program = value_of(Program::compile(model, nullptr, options));
  CHECK(uses_kernels(program, row.name));

  // A plan is followed all the same.
  const Plan plan = program.effective_plan();
  row.by_default = [](const LayerDesc&) { return false; };
  CHECK(uses_kernels(value_of(Program::compile(model, &plan, options)), row.name));
}

TEST_CASE("Winograd's smallest transform is the default of convolutions that it pays for", "[runtime]") {
  const auto default_of = [](std::int64_t channels) {
    onnx_bytes::ModelBytes bytes;
    bytes.inputs = {onnx_bytes::value_info("x", {1, channels, 14, 14})};
    bytes.outputs = {"y"};
    add_convolution(bytes, "x", "y", channels, channels);
    const Program program = value_of(Program::compile(parse(bytes)));
    const auto steps = program.steps();
    const auto step = std::find_if(steps.begin(), steps.end(),
                                   [](const StepInfo& info) { return info.desc.main().op == Op::conv; });
    REQUIRE(step != steps.end());
    return std::string(step->kernel);
  };
  const auto has = [](const std::string& kernel) { return kernel.find("winograd") != std::string::npos; };
  CHECK_FALSE(has(default_of(8)));
  CHECK_FALSE(has(default_of(512)));
  const std::string taken = default_of(32);
  const bool there =
      std::any_of(builtin_kernels().begin(), builtin_kernels().end(), [](const Kernel* kernel) {
        return kernel->name.starts_with("conv.winograd_f2.") && has_all(this_cpu().isa, kernel->isa);
      });
  if (there)
    CHECK(taken.starts_with("conv.winograd_f2."));
  else
    CHECK_FALSE(has(taken));
}

TEST_CASE("a kernel of reduced precision is a plan's choice, with conversions around it", "[runtime]") {
  static constexpr Signature kHalf[] = {{Layout::nchw, Layout::nchw, DataType::f16}};
  class HalfAdder final : public BoundKernel {
   public:
    explicit HalfAdder(std::int64_t count) : count_(count) {}
    Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                       void*) noexcept override {
      a_ = static_cast<const std::uint16_t*>(inputs[0]);
      b_ = static_cast<const std::uint16_t*>(inputs[1]);
      y_ = static_cast<std::uint16_t*>(outputs[0]);
      return {};
    }
    Status run() noexcept override {
      for (std::int64_t i = 0; i < count_; ++i) y_[i] = to_f16(from_f16(a_[i]) + from_f16(b_[i]));
      return {};
    }

   private:
    std::int64_t count_;
    const std::uint16_t* a_ = nullptr;
    const std::uint16_t* b_ = nullptr;
    std::uint16_t* y_ = nullptr;
  };
  Kernel half = adder_row(true);
  half.name = "add.own.f16.test";
  half.signatures = kHalf;
  half.supports = [](const LayerDesc& layer, const Cpu& cpu) {
    for (const TensorDesc& input : layer.inputs) {
      if (input.format.type != DataType::f16) return Refusal::data_type;
    }
    return layer.outputs[0].format.type == DataType::f16 ? supports(layer, cpu) : Refusal::data_type;
  };
  half.bind = [](const BindArgs& args) -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<HalfAdder>(args.layer.inputs[0].shape.elements()));
  };
  const Kernel* entries[] = {&half};
  CompileOptions options;
  options.kernels = entries;
  const Model model = parse(residual_network());
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
  const Program program = value_of(Program::compile(model, nullptr, options));
  CHECK_FALSE(uses_kernels(program, half.name));
  // Nor is one that only stores its weights otherwise.
  static constexpr FormatTag kPlain{Layout::nchw, DataType::f32};
  static constexpr Signature kHalfWeights[] = {{kPlain, kPlain, DataType::f16}};
  Kernel packed = adder_row(true);
  packed.signatures = kHalfWeights;
  const Kernel* other[] = {&packed};
  CompileOptions with_packed;
  with_packed.kernels = other;
  CHECK_FALSE(uses_kernels(value_of(Program::compile(model, nullptr, with_packed)), packed.name));

  Plan plan = program.effective_plan();
  Variant& sum = plan.points.front().layers.at("sum").variant;
  sum = {std::string(half.name), half.revision, kHalf[0], {}, 1, {}};
  const Program reduced = value_of(Program::compile(model, &plan, options));
  CHECK(reduced.report().empty());
  REQUIRE(uses_kernels(reduced, half.name));
  CHECK(reduced.effective_plan().points.front().layers.at("sum").variant == sum);
  const auto types = [&](const StepInfo& step) {
    return std::pair(step.desc.inputs[0].format.type, step.desc.outputs[0].format.type);
  };
  int narrowed = 0;
  int widened = 0;
  for (const StepInfo& step : reduced.steps()) {
    if (!step.conversion) continue;
    narrowed += types(step) == std::pair(DataType::f32, DataType::f16);
    widened += types(step) == std::pair(DataType::f16, DataType::f32);
  }
  CHECK(narrowed == 2);
  CHECK(widened == 1);
  const double error = relative_error(outputs_of(reduced), expected);
  CHECK(error < 2e-3);
  CHECK(error > 0);
}

TEST_CASE("incomplete entries are refused", "[runtime]") {
  const Model model = parse(residual_network());
  Kernel row = adder_row(true);
  row.bind = nullptr;
  const Kernel* rows[] = {&row};
  CompileOptions options;
  options.kernels = rows;
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "add.own.f32.test");
  rows[0] = nullptr;
  error_of(Program::compile(model, nullptr, options), ErrorCode::kInvalidArgument, "incomplete");
}

TEST_CASE("a region computes what its layers compute", "[runtime]") {
  const Model model = parse(residual_network());
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
  std::string_view region;
  const Plan plan = make_plan(model, 1, [&](const std::vector<VariantInfo>& variants) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      if (variants[i].variant.covers.empty() || variants[i].refusal != Refusal::none) continue;
      region = variants[i].kernel->name;
      return static_cast<int>(i);
    }
    return -1;
  });
  REQUIRE_FALSE(region.empty());
  const Program program = value_of(Program::compile(model, &plan));
  CHECK(program.report().empty());
  CHECK(uses_kernels(program, region));
  std::size_t layers = 0;
  for (const StepInfo& step : program.steps()) layers += step.conversion || step.alias ? 0 : 1;
  CHECK(layers == model.layers().size() - 1);
  CHECK(relative_error(outputs_of(program), expected) < 1e-5);
}

}  // namespace fettle::test
