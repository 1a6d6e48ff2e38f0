// SPDX-License-Identifier: Apache-2.0
//
// One model for several shapes of its inputs: what stays, what is shared, and what is refused.
#include "lib/model/model_state.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fettle::test {
namespace {

using namespace onnx_bytes;
using Shapes = std::map<std::string, Shape>;

const Shape kSmall{1, 3, 12, 10};
const Shape kLarge{2, 3, 17, 21};

std::vector<std::string> ids(const Model& model) {
  std::vector<std::string> result;
  for (const LayerInfo& layer : model.layers()) result.push_back(layer.id);
  return result;
}

std::vector<float> results(const Model& model) { return outputs_of(value_of(Program::compile(model))); }

// The bytes of a model as a file that is gone when this ends.
class File {
 public:
  explicit File(const ModelBytes& model)
      : path_(std::filesystem::temp_directory_path() / ("fettle-reshape-" + std::to_string(getpid()))) {
    std::ofstream(path_, std::ios::binary) << model.bytes();
  }
  ~File() { remove(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  void remove() const { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Reshape by an input: y has the shape that is bound, of x of any length.
ModelBytes reshaping_reshape() {
  ModelBytes model;
  model.inputs = {value_info("x", {-1, 6}), value_info("shape", {3}, kInt64)};
  model.outputs = {"y"};
  model.nodes.push_back(node("Reshape", {"x", "shape"}, {"y"}, {}, "r"));
  return model;
}

}  // namespace

TEST_CASE("a model for another shape is what a load with that shape gives", "[runtime][reshape]") {
  const Model small = parse(free_network(), kSmall);
  const Model large = value_of(small.with_shapes({{"x", kLarge}}));
  const Model fresh = parse(free_network(), kLarge);
  CHECK(large.inputs()[0].shape == kLarge);
  CHECK(large.outputs()[0].shape == Shape{2, 4});
  CHECK(large.graph_hash() == fresh.graph_hash());
  CHECK(large.weights_hash() == fresh.weights_hash());
  CHECK(large.name() == fresh.name());
  CHECK(large.opset() == fresh.opset());
  CHECK(large.imported_nodes() == fresh.imported_nodes());
  CHECK(large.constant_bytes() == fresh.constant_bytes());
  CHECK(ids(large) == ids(fresh));
  CHECK(ids(large) == ids(small));
  CHECK(results(large) == results(fresh));
  // The first one is as it was, and the way back leads to it.
  CHECK(small.inputs()[0].shape == kSmall);
  CHECK(results(value_of(large.with_shapes({{"x", kSmall}}))) == results(small));
}

TEST_CASE("the same shape is the same model", "[runtime][reshape]") {
  const Model model = parse(free_network(), kSmall);
  CHECK(&ModelState::of(value_of(model.with_shapes({{"x", kSmall}}))) == &ModelState::of(model));
  CHECK(&ModelState::of(value_of(model.with_shapes({}))) == &ModelState::of(model));
  const Model fixed = parse(residual_network());
  CHECK(&ModelState::of(value_of(fixed.with_shapes({{"x", Shape{1, 3, 12, 10}}}))) == &ModelState::of(fixed));
}

TEST_CASE("another shape needs no file", "[runtime][reshape]") {
  const File file(free_network());
  ModelOptions options;
  options.shapes["x"] = kSmall;
  const Model small = value_of(Model::load(file.path(), options));
  file.remove();
  const Model large = value_of(small.with_shapes({{"x", kLarge}}));
  CHECK(results(large) == results(parse(free_network(), kLarge)));
}

TEST_CASE("programs for several shapes share their weights", "[runtime][reshape]") {
  const Model small = parse(free_network(), kSmall);
  const Model large = value_of(small.with_shapes({{"x", kLarge}}));
  for (const char* kernels : {".xnnpack", ".portable", ".reference"}) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      INFO(kernels << " " << to_string(layout));
      CompileOptions options;
      options.weights = std::make_shared<WeightStore>();
      const Plan plan = homogeneous_plan(small, 1, kernels, layout);
      const Plan other = homogeneous_plan(large, 1, kernels, layout);
      const Program first = value_of(Program::compile(small, &plan, options));
      const std::size_t bytes = options.weights->bytes();
      CHECK(bytes == first.weight_bytes());
      const Program second = value_of(Program::compile(large, &other, options));
      CHECK(options.weights->bytes() == bytes);
      CHECK(second.weight_bytes() == bytes);
      options.weights = nullptr;
      CHECK(outputs_of(second) == outputs_of(value_of(Program::compile(large, &other, options))));
    }
  }
}

TEST_CASE("weights that passes make are shared by the models for all shapes", "[runtime][reshape]") {
  const Model small = parse(free_network(), kSmall);
  const Model large = value_of(small.with_shapes({{"x", kLarge}}));
  // The weights of conv a, which batch normalisation has changed, lie where those of the other model do.
  const graph::Graph& graph = *ModelState::of(large).graph;
  const graph::Graph& other = *ModelState::of(small).graph;
  int constants = 0;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(i));
    const graph::Node& known = other.node(static_cast<graph::NodeId>(i));
    REQUIRE(node.inputs.size() == known.inputs.size());
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
      if (!graph.is_constant(node.inputs[input])) continue;
      ++constants;
      CHECK(graph.value(node.inputs[input]).constant == other.value(known.inputs[input]).constant);
    }
  }
  CHECK(constants == 4);
}

TEST_CASE("a program keeps its model, unless weights are released", "[runtime][reshape]") {
  const Model model = parse(free_network(), kSmall);
  CompileOptions options;
  const Program program = value_of(Program::compile(model, nullptr, options));
  REQUIRE(program.model() != nullptr);
  CHECK(&ModelState::of(*program.model()) == &ModelState::of(model));
  options.weight_policy = WeightPolicy::release;
  CHECK(value_of(Program::compile(model, nullptr, options)).model() == nullptr);
}

TEST_CASE("a plan for one shape gives the defaults for another", "[runtime][reshape]") {
  const Model small = parse(free_network(), kSmall);
  const Model large = value_of(small.with_shapes({{"x", kLarge}}));
  const Plan plan = homogeneous_plan(small, 1, ".portable", Layout::nchw);
  CHECK(value_of(Program::compile(small, &plan)).report().empty());
  const Program program = value_of(Program::compile(large, &plan));
  REQUIRE(program.report().size() == 1);
  CHECK(program.report()[0].what.find("no operating point for these input shapes") != std::string::npos);
  const Model back = value_of(large.with_shapes({{"x", kSmall}}));
  CHECK(value_of(Program::compile(back, &plan)).report().empty());
}

TEST_CASE("bound constants stay", "[runtime][reshape]") {
  ModelOptions options;
  options.shapes["x"] = Shape{2, 6};
  options.constants["shape"].integers = {3, -1, 2};
  const Model model = parse(reshaping_reshape(), options);
  const Model longer = value_of(model.with_shapes({{"x", Shape{5, 6}}}));
  CHECK(longer.outputs()[0].shape == Shape{3, 5, 2});
  CHECK(longer.graph_hash() == model.graph_hash());
  error_of(model.with_shapes({{"shape", Shape{3}}}), ErrorCode::kUnknownName, "shape");
}

TEST_CASE("shapes that do not fit are refused", "[runtime][reshape][bad]") {
  const Model model = parse(free_network(), kSmall);
  error_of(model.with_shapes({{"z", kSmall}}), ErrorCode::kUnknownName, "z");
  error_of(model.with_shapes({{"x", Shape{3, 12, 10}}}), ErrorCode::kWrongShape, "-1x3x-1x-1");
  error_of(model.with_shapes({{"x", Shape{1, 4, 12, 10}}}), ErrorCode::kWrongShape, "1x4x12x10");
  error_of(model.with_shapes({{"x", Shape{1, 3, -1, 10}}}), ErrorCode::kWrongShape, "negative");
  error_of(model.with_shapes({{"x", Shape{1, 3, std::int64_t{1} << 40, 1 << 20}}}), ErrorCode::kWrongShape);
  // It fits the input, but no layer further on: 11 x 6 numbers are no three rows.
  ModelOptions options;
  options.shapes["x"] = Shape{2, 6};
  options.constants["shape"].integers = {3, 4, -1};
  error_of(parse(reshaping_reshape(), options).with_shapes({{"x", Shape{11, 6}}}),
           ErrorCode::kModelUnsupported, "r (");
}

TEST_CASE("a graph that was released has one shape", "[runtime][reshape][bad]") {
  ModelOptions options;
  options.shapes["x"] = kSmall;
  options.graph_policy = GraphPolicy::release;
  const Model model = parse(free_network(), options);
  error_of(model.with_shapes({{"x", kLarge}}), ErrorCode::kInvalidArgument, "ModelOptions::graph_policy");
  CHECK(model.with_shapes({{"x", kSmall}}));
}

}  // namespace fettle::test
