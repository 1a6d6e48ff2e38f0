// SPDX-License-Identifier: Apache-2.0
//
// Networks that keep their values in blocks of channels: plans with nchwc, and what comes of them.
#include "lib/base/channel_block.h"
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

// Every layer in blocks that can be; `regions`: in as few steps as possible.
Plan blocked_plan(const Model& model, int threads, bool regions) {
  return make_plan(model, threads, [&](const std::vector<VariantInfo>& variants) {
    int best = -1;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      if (variants[i].variant.signature.output.layout != Layout::nchwc ||
          variants[i].variant.covers.empty() == regions)
        continue;
      if (best < 0 || variants[i].variant.signature.input.layout == Layout::nchwc) best = static_cast<int>(i);
    }
    for (std::size_t i = 0; best < 0 && i < variants.size(); ++i) {
      if (variants[i].variant.signature.output.layout == Layout::nchwc && variants[i].variant.covers.empty())
        best = static_cast<int>(i);
    }
    return best;
  });
}

std::size_t blocked_steps(const Program& program) {
  std::size_t count = 0;
  for (const StepInfo& step : program.steps())
    count += !step.conversion && step.desc.outputs[0].format.layout == Layout::nchwc ? 1 : 0;
  return count;
}

// A depthwise convolution between two full ones, whose results are joined with what came before; channels do
// not fill blocks.
onnx_bytes::ModelBytes joining_network() {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("x", {1, 3, 12, 10})};
  model.outputs = {"y"};
  add_convolution(model, "x", "a", 3, 19);
  model.nodes.push_back(node("Conv", {"a", "d.w"}, {"d"},
                             {attribute("pads", Dims{1, 1, 1, 1}), attribute("group", std::int64_t{19})},
                             "d"));
  model.initialisers.push_back(floats("d.w", {19, 1, 3, 3}, numbers(19 * 9, 3)));
  add_convolution(model, "d", "b", 19, 16);
  model.nodes.push_back(node("Concat", {"a", "b"}, {"j"}, {attribute("axis", std::int64_t{1})}, "join"));
  add_convolution(model, "j", "y", 35, 5);
  return model;
}

// Two convolutions that are joined, worked on and divided again, in whole blocks but for the last.
onnx_bytes::ModelBytes dividing_network(std::int64_t pictures) {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("x", {pictures, 16, 12, 10})};
  model.outputs = {"y", "z"};
  add_convolution(model, "x", "a", 16, 32);
  add_convolution(model, "x", "b", 16, 19);
  model.nodes.push_back(node("Concat", {"a", "b"}, {"j"}, {attribute("axis", std::int64_t{1})}, "join"));
  add_convolution(model, "j", "c", 51, 35);
  model.initialisers.push_back(integers("sizes", {16, 19}));
  model.nodes.push_back(
      node("Split", {"c", "sizes"}, {"l", "r"}, {attribute("axis", std::int64_t{1})}, "divide"));
  add_convolution(model, "l", "y", 16, 4);
  add_convolution(model, "r", "z", 19, 5);
  return model;
}

// Steps of an operator that work in blocks; `copies`: those that do work.
std::size_t blocked_steps_of(const Program& program, Op op, bool copies) {
  std::size_t count = 0;
  for (const StepInfo& step : program.steps()) {
    const bool blocked = step.desc.outputs[0].format.layout == Layout::nchwc;
    count += step.desc.main().op == op && blocked && step.alias != copies ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("networks compute the same in blocks of channels", "[runtime][layout]") {
  if (!has_all(this_cpu().isa, Isa::avx2 | Isa::fma3) && !has_all(this_cpu().isa, Isa::neon))
    SKIP("no kernels for blocks of channels on this CPU");
  for (const auto& bytes : {residual_network(), joining_network()}) {
    const Model model = parse(bytes);
    const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
    for (const bool regions : {false, true}) {
      const Plan plan = value_of(Plan::parse(blocked_plan(model, 2, regions).json()));
      const Program program = value_of(Program::compile(model, &plan));
      for (const ReportEntry& entry : program.report()) FAIL_CHECK(entry.layer << ": " << entry.what);
      CHECK(blocked_steps(program) >= 2);
      for (const StepInfo& step : program.steps()) {
        const Format& format = step.desc.outputs[0].format;
        CHECK(format.block == (format.layout == Layout::nchwc ? channel_block(this_cpu().isa) : 0));
      }
      CHECK(relative_error(outputs_of(program), expected) < 1e-5);
    }
  }
}

TEST_CASE("whole blocks of channels are joined and divided where they lie", "[runtime][layout]") {
  for (const std::int64_t pictures : {1, 2}) {
    const Model model = parse(dividing_network(pictures));
    const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
    const Plan plan = blocked_plan(model, 2, false);
    const Program program = value_of(Program::compile(model, &plan));
    CHECK(program.report().empty());
    CHECK(relative_error(outputs_of(program), expected) < 1e-5);
    // Pieces of several pictures lie apart in the whole, where dense kernels do not work.
    for (const Op op : {Op::concat, Op::split}) {
      CHECK(blocked_steps_of(program, op, false) == (pictures == 1 ? 1 : 0));
      CHECK(blocked_steps_of(program, op, true) == (pictures == 1 ? 0 : 1));
    }
  }
}

TEST_CASE("a plan with blocks means other blocks on another CPU", "[runtime][layout]") {
  CHECK(channel_block(Isa::neon) == 4);
  CHECK(channel_block(Isa::avx2 | Isa::fma3) == 8);
  CHECK(channel_block(Isa::avx512f | Isa::avx2 | Isa::fma3) == 16);
  CHECK(channel_block(Isa::none) == 4);
  if (!has_all(this_cpu().isa, Isa::avx512f | Isa::avx2 | Isa::fma3)) SKIP("this CPU has small blocks");
  const Model model = parse(residual_network());
  const Plan plan = blocked_plan(model, 1, false);
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
  Cpu smaller = this_cpu();
  smaller.isa = Isa::avx2 | Isa::fma3;
  CompileOptions options;
  options.cpu = &smaller;
  const Program defaults = value_of(Program::compile(model, &plan, options));
  CHECK_FALSE(defaults.report().empty());
  CHECK(relative_error(outputs_of(defaults), expected) < 1e-5);
  Plan renamed = plan;
  for (auto& [id, layer] : renamed.points.front().layers) {
    std::string& kernel = layer.variant.kernel;
    if (const auto at = kernel.find(".avx512"); at != std::string::npos)
      kernel.replace(at, std::string::npos, ".avx2");
  }
  const Program small = value_of(Program::compile(model, &renamed, options));
  for (const StepInfo& step : small.steps()) {
    if (step.desc.outputs[0].format.layout == Layout::nchwc) CHECK(step.desc.outputs[0].format.block == 8);
  }
  CHECK(blocked_steps(small) >= 2);
  CHECK(relative_error(outputs_of(small), expected) < 1e-5);
}

}  // namespace fettle::test
