// SPDX-License-Identifier: Apache-2.0
//
// Plans that fit in part, or not at all: what is used instead, and what the report says.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

struct Planned {
  Model model = parse(residual_network());
  Plan plan = homogeneous_plan(model, 1, ".portable", Layout::nchw);
  std::vector<float> expected = outputs_of(value_of(Program::compile(model)));

  Variant& layer(const std::string& id) { return plan.points.front().layers.at(id).variant; }
  std::string first_layer() const { return model.layers().front().id; }

  // The program runs and is right; its only report entry mentions `text`.
  void check_reported(const std::string& text, const std::string& id, const CompileOptions& options = {}) {
    const Program program = value_of(Program::compile(model, &plan, options));
    REQUIRE(program.report().size() == 1);
    INFO(program.report()[0].what);
    CHECK(program.report()[0].layer == id);
    CHECK(program.report()[0].what.find(text) != std::string::npos);
    CHECK(relative_error(outputs_of(program), expected) < 1e-5);
  }
};

}  // namespace

TEST_CASE("a plan that fits is followed to the letter", "[runtime][plan]") {
  Planned planned;
  const Program program = value_of(Program::compile(planned.model, &planned.plan));
  CHECK(program.report().empty());
  for (const StepInfo& step : program.steps()) {
    if (!step.conversion && !step.alias) CHECK(step.kernel.ends_with(".portable"));
  }
  const Plan effective = program.effective_plan();
  CHECK(effective.points.front().layers == planned.plan.points.front().layers);
}

TEST_CASE("a plan for another model is refused", "[runtime][plan]") {
  Planned planned;
  const Model glyphs = value_of(Model::load(glyphs_model()));
  const Error error = error_of(Program::compile(glyphs, &planned.plan), ErrorCode::kPlanOtherModel, "glyphs");
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("the same graph with other weights keeps its plan, and says so", "[runtime][plan]") {
  Planned planned;
  planned.plan.model.weights = "xxh3:00000000000000000000000000000000";
  planned.check_reported("other weights", "");
}

TEST_CASE("layers whose choice cannot be followed take their default", "[runtime][plan]") {
  Planned planned;
  const std::string id = planned.first_layer();
  SECTION("a kernel that this build lacks") {
    planned.layer(id).kernel = "conv.magic.f32.nowhere";
    planned.check_reported("conv.magic.f32.nowhere", id);
  }
  SECTION("another revision") {
    planned.layer(id).revision += 1;
    planned.check_reported("revision", id);
  }
  SECTION("a kernel of another operator") {
    planned.layer(id).kernel = "softmax.rows.f32.portable";
    for (const Kernel* kernel : builtin_kernels()) {
      if (kernel->pattern.front() == Op::softmax) {
        planned.layer(id).kernel = std::string(kernel->name);
        planned.layer(id).revision = kernel->revision;
        planned.layer(id).signature = kernel->signatures.front();
      }
    }
    planned.check_reported("softmax", id);
  }
  SECTION("a kernel of the operator that refuses this layer") {
    // The only rows for a depthwise convolution are no use for a full one.
    planned.layer(id).kernel.clear();
    for (const LayerVariants& variants : enumerate_variants(planned.model)) {
      if (variants.layer != id) continue;
      for (const VariantInfo& variant : variants.variants) {
        if (variant.refusal == Refusal::none || variant.refusal == Refusal::isa) continue;
        planned.layer(id) = variant.variant;
      }
    }
    REQUIRE_FALSE(planned.layer(id).kernel.empty());
    planned.check_reported("refuses", id);
  }
  SECTION("layouts that the kernel does not have") {
    planned.layer(id).signature.input.layout = Layout::nchwc;
    planned.check_reported("does not work in formats nchwc", id);
  }
  SECTION("a type that the kernel does not have") {
    planned.layer(id).signature.output.type = DataType::f16;
    planned.check_reported("does not work in formats nchw f32>nchw f16", id);
  }
  SECTION("weights that the kernel does not have") {
    planned.layer(id).signature.weights = DataType::s8;
    planned.check_reported("w:s8", id);
  }
  SECTION("layers to cover that are not there") {
    planned.layer(id).covers = {"nobody"};
    planned.check_reported("cover", id);
  }
}

TEST_CASE("names that are no UTF-8 survive the text of a plan", "[runtime][plan]") {
  onnx_bytes::ModelBytes bytes = residual_network();
  bytes.nodes[0] =
      onnx_bytes::node("Conv", {"x", "a.w", "a.b"}, {"a"},
                       {onnx_bytes::attribute("pads", onnx_bytes::Dims{1, 1, 1, 1})}, "latin \xe4\xf6 \xc3");
  const Model model = parse(bytes);
  const Plan plan = value_of(Plan::parse(homogeneous_plan(model, 1, ".portable", Layout::nchw).json()));
  const Program program = value_of(Program::compile(model, &plan));
  for (const ReportEntry& entry : program.report()) FAIL_CHECK(entry.layer << ": " << entry.what);
  CHECK(program.steps()[0].kernel.ends_with(".portable"));
}

TEST_CASE("instructions that this CPU lacks are never run", "[runtime][plan]") {
  Planned planned;
  // A row like the built-in one, but for a CPU of its own.
  const Kernel* base = find_builtin_kernel(planned.layer(planned.first_layer()).kernel);
  REQUIRE(base != nullptr);
  Kernel exotic = *base;
  exotic.name = "conv.exotic.f32.test";
#if defined(__x86_64__)
  exotic.isa = Isa::sve;
#else
  exotic.isa = Isa::avx512f;
#endif
  const Kernel* rows[] = {&exotic};
  CompileOptions options;
  options.kernels = rows;
  planned.layer(planned.first_layer()).kernel = std::string(exotic.name);
  planned.check_reported("which this CPU lacks", planned.first_layer(), options);

  // Compiled for a CPU that has it, the program is refused by this one.
  Cpu cpu = this_cpu();
  cpu.isa = cpu.isa | exotic.isa;
  options.cpu = &cpu;
  const Program program = value_of(Program::compile(planned.model, &planned.plan, options));
  CHECK(program.report().empty());
  error_of(Runtime::create(program), ErrorCode::kIsaMissing, isa_text(exotic.isa));
}

TEST_CASE("entries for layers that the model does not have are ignored and reported", "[runtime][plan]") {
  Planned planned;
  planned.plan.points.front().layers["ghost"].variant = planned.layer(planned.first_layer());
  planned.check_reported("no layer", "ghost");
}

TEST_CASE("more threads than allowed are cut, and the plan's point is chosen by threads and shapes",
          "[runtime][plan]") {
  Planned planned;
  planned.plan = homogeneous_plan(planned.model, 4, ".portable", Layout::nchw);
  CompileOptions options;
  options.threads = 2;
  const Program cut = value_of(Program::compile(planned.model, &planned.plan, options));
  CHECK(cut.threads() == 2);
  REQUIRE(cut.report().size() == 1);
  CHECK(cut.report()[0].what.find("4 threads") != std::string::npos);
  CHECK(relative_error(outputs_of(cut), planned.expected) < 1e-5);

  // A second point for two threads is the better one now.
  PlanPoint two = planned.plan.points.front();
  two.threads = 2;
  for (auto& [id, layer] : two.layers) layer.variant.threads = std::min(layer.variant.threads, 2);
  planned.plan.points.push_back(two);
  CHECK(value_of(Program::compile(planned.model, &planned.plan, options)).report().empty());

  // No point for these shapes: all defaults.
  for (PlanPoint& point : planned.plan.points) point.shapes["x"] = Shape{1, 3, 99, 99};
  planned.check_reported("shapes", "", options);
}

TEST_CASE("a plan from another kind of device is used and reported", "[runtime][plan]") {
  Planned planned;
  planned.plan.device.cores = {{0x410fd034u, 4, 32768, 524288}};
  planned.plan.device.isa = {"neon"};
  planned.check_reported("another kind of device", "");
}

TEST_CASE("what fell back is logged while loading, and nothing afterwards", "[runtime][plan]") {
  Planned planned;
  planned.layer(planned.first_layer()).kernel = "conv.magic.f32.nowhere";
  std::vector<std::string> warnings;
  std::size_t lines = 0;
  CompileOptions options;
  options.log = [&](LogLevel level, const std::string& text) {
    ++lines;
    if (level == LogLevel::warning) warnings.push_back(text);
  };
  Runtime runtime =
      value_of(Runtime::create(value_of(Program::compile(planned.model, &planned.plan, options))));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("conv.magic.f32.nowhere") != std::string::npos);
  const std::size_t before = lines;
  outputs_of(runtime);
  CHECK(lines == before);
}

}  // namespace fettle::test
