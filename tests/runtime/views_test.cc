// SPDX-License-Identifier: Apache-2.0
//
// Concatenations, splits, slices and reshapes that need no copy, and results in place.
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

// Two convolutions side by side, joined along the channels and clamped: a Fire module in small.
ModelBytes joined() {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 4, 9, 7})};
  model.outputs = {"y"};
  add_convolution(model, "x", "a", 4, 5);
  add_convolution(model, "x", "b", 4, 3);
  model.nodes.push_back(node("Concat", {"a", "b"}, {"c"}, {attribute("axis", std::int64_t{1})}, "join"));
  add_convolution(model, "c", "y", 8, 6);
  return model;
}

// A convolution whose channels are split, each half worked on, and joined again.
ModelBytes divided() {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 4, 9, 7})};
  model.outputs = {"y", "z"};
  add_convolution(model, "x", "a", 4, 8);
  model.initialisers.push_back(integers("sizes", {3, 5}));
  model.nodes.push_back(
      node("Split", {"a", "sizes"}, {"l", "r"}, {attribute("axis", std::int64_t{1})}, "divide"));
  add_convolution(model, "l", "y", 3, 4);
  model.nodes.push_back(node("Relu", {"r"}, {"z"}, {}, "right"));
  return model;
}

std::size_t working_steps(const Program& program, Op op) {
  std::size_t count = 0;
  for (const StepInfo& step : program.steps()) count += !step.alias && step.desc.main().op == op ? 1 : 0;
  return count;
}

// What the slow kernels compute, which know no views.
std::vector<float> expected_of(const Model& model) {
  const Plan plan = homogeneous_plan(model, 1, ".reference", Layout::nchw);
  return outputs_of(value_of(Program::compile(model, &plan)));
}

}  // namespace

TEST_CASE("what is joined is written in its place", "[runtime][views]") {
  const Model model = parse(joined());
  const std::vector<float> expected = expected_of(model);
  const Plan nhwc = homogeneous_plan(model, 1, ".portable", Layout::nhwc);
  const Plan nchw = homogeneous_plan(model, 1, ".portable", Layout::nchw);
  for (const Plan* plan : {static_cast<const Plan*>(nullptr), &nhwc, &nchw}) {
    const Program program = value_of(Program::compile(model, plan));
    CHECK(relative_error(outputs_of(program), expected) < 1e-5);
  }
  // In nchw and with one picture, parts of the channels are neighbours in memory: nothing is left to copy.
  CHECK(working_steps(value_of(Program::compile(model, &nchw)), Op::concat) == 0);
}

TEST_CASE("what is split is read in its place", "[runtime][views]") {
  const Model model = parse(divided());
  const std::vector<float> expected = expected_of(model);
  const Plan nhwc = homogeneous_plan(model, 1, ".portable", Layout::nhwc);
  const Plan nchw = homogeneous_plan(model, 1, ".portable", Layout::nchw);
  for (const Plan* plan : {static_cast<const Plan*>(nullptr), &nhwc, &nchw}) {
    const Program program = value_of(Program::compile(model, plan));
    CHECK(relative_error(outputs_of(program), expected) < 1e-5);
  }
  CHECK(working_steps(value_of(Program::compile(model, &nchw)), Op::split) == 0);
}

TEST_CASE("random plans of small networks compute the same", "[runtime][views]") {
  for (const ModelBytes& bytes : {joined(), divided(), residual_network()}) {
    const Model model = parse(bytes);
    const std::vector<float> expected = expected_of(model);
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
      const Plan plan = random_plan(model, 2, seed);
      const Program program = value_of(Program::compile(model, &plan));
      INFO("seed " << seed << "\n" << plan.json());
      CHECK(program.report().empty());
      CHECK(relative_error(outputs_of(program), expected) < 1e-5);
      CHECK(static_cast<double>(program.arena().bytes) <=
            1.1 * static_cast<double>(program.arena().largest_live_set));
    }
  }
}

TEST_CASE("a value that is an output twice, or read after its reader worked in place, is right",
          "[runtime][views]") {
  ModelBytes bytes;
  bytes.inputs = {value_info("x", {1, 4, 6, 6})};
  bytes.outputs = {"a", "r", "s", "f"};
  add_convolution(bytes, "x", "a", 4, 4);
  bytes.nodes.push_back(node("Sigmoid", {"a"}, {"r"}, {}, "r"));
  bytes.nodes.push_back(node("Mul", {"a", "r"}, {"s"}, {}, "s"));
  bytes.nodes.push_back(node("Flatten", {"s"}, {"f"}, {}, "f"));
  const Model model = parse(bytes);
  const std::vector<float> expected = expected_of(model);
  CHECK(relative_error(outputs_of(value_of(Program::compile(model))), expected) < 1e-5);
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Plan plan = random_plan(model, 1, seed);
    INFO("seed " << seed);
    CHECK(relative_error(outputs_of(value_of(Program::compile(model, &plan))), expected) < 1e-5);
  }
}

}  // namespace fettle::test
