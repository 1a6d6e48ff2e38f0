// SPDX-License-Identifier: Apache-2.0
//
// If and Loop whose conditions and trip counts are computed while the network runs.
#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"
#include "tests/onnx/run_model.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace fettle::computed_flow {
namespace {

using namespace onnx_bytes;

using Floats = std::vector<float>;

Message number(std::string_view name, std::int64_t value) {
  return tensor(name, kInt64, {}, std::vector<std::int64_t>{value});
}

// One input x of 3 numbers, and one output y. Whether the sum of x is positive is `c`.
ModelBytes model_of_flow(std::vector<Message> nodes, std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.opset = 13;
  model.nodes = {node("ReduceSum", {"x"}, {"total"}, {attribute("keepdims", std::int64_t{0})}, "total"),
                 node("Greater", {"total", "nought"}, {"c"}, {}, "decide")};
  model.nodes.insert(model.nodes.end(), nodes.begin(), nodes.end());
  model.initialisers = std::move(initialisers);
  model.initialisers.push_back(floats("nought", {}, {0}));
  model.inputs = {value_info("x", {3})};
  model.outputs = {"y"};
  return model;
}

Runtime runtime_of(const ModelBytes& bytes) {
  return test::value_of(
      Runtime::create(test::value_of(Program::compile(test::value_of(test::parse(bytes))))));
}

Floats run(Runtime& runtime, const Floats& x, std::size_t output = 0) {
  test::succeeds(runtime.input(0).copy_from(x));
  test::succeeds(runtime.run());
  const auto values = runtime.output(output).values<float>();
  return {values.begin(), values.end()};
}

Message branch(const Message& then_graph, const Message& else_graph) {
  return node("If", {"c"}, {"y"}, {body("then_branch", then_graph), body("else_branch", else_graph)},
              "choice");
}

// Doubles what is carried, and gives its negative as scan output, while it is below `limit`.
Message doubling(float limit = 1e9f) {
  return graph(
      {node("Add", {"sum", "sum"}, {"next"}, {}, "double"), node("Neg", {"next"}, {"piece"}, {}, "neg"),
       node("ReduceMax", {"next"}, {"m"}, {attribute("keepdims", std::int64_t{0})}, "most"),
       node("Less", {"m", "limit"}, {"still"}, {}, "less")},
      {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("sum", {3})},
      {"still", "next", "piece"}, {floats("limit", {}, {limit})});
}

Message loop(const Message& graph, const std::vector<std::string>& outputs = {"y"},
             const std::vector<std::string>& inputs = {"trips", "", "x"}) {
  return node("Loop", inputs, outputs, {body("body", graph)}, "loop");
}

// `trips`: the first number of x as an integer, at most 5.
std::vector<Message> computed_trips(std::vector<Message> more) {
  std::vector<Message> nodes{
      node("Gather", {"x", "first"}, {"given"}, {}, "given"),
      node("Cast", {"given"}, {"whole"}, {attribute("to", std::int64_t{kInt64})}, "whole"),
      node("Min", {"whole", "most"}, {"trips"}, {}, "trips")};
  nodes.insert(nodes.end(), more.begin(), more.end());
  return nodes;
}

Error refused(const ModelBytes& model, ErrorCode code, std::string_view text) {
  return test::error_of(test::parse(model), code, text);
}

}  // namespace

TEST_CASE("an If with a computed condition gives the result of the branch that it chooses",
          "[onnx][control]") {
  const Message negate = graph({node("Neg", {"x"}, {"a"}, {}, "neg")}, {}, {"a"});
  const Message twice = graph({node("Mul", {"x", "k"}, {"a"}, {}, "mul")}, {}, {"a"}, {floats("k", {}, {2})});
  Runtime runtime = runtime_of(model_of_flow({branch(negate, twice)}));
  CHECK(run(runtime, {1, 2, 3}) == Floats{-1, -2, -3});
  CHECK(run(runtime, {-1, -2, -3}) == Floats{-2, -4, -6});
  CHECK(run(runtime, {1, 2, 4}) == Floats{-1, -2, -4});
}

TEST_CASE("branches may give different extents, captures and constants", "[onnx][control]") {
  const Message pair =
      graph({node("Concat", {"x", "x"}, {"a"}, {attribute("axis", std::int64_t{0})})}, {}, {"a"});
  const Message none = graph({}, {}, {"k"}, {floats("k", {0}, {})});
  Runtime runtime = runtime_of(model_of_flow({branch(pair, none)}));
  CHECK(runtime.program().outputs()[0].bounded);
  CHECK(run(runtime, {1, 2, 3}) == Floats{1, 2, 3, 1, 2, 3});
  CHECK(runtime.output(0).shape() == Shape{6});
  CHECK(run(runtime, {-1, -2, -3}).empty());
  CHECK(runtime.output(0).shape() == Shape{0});
  // Conditions inside conditions.
  const Message inner = graph({branch(pair, none)}, {}, {"y"});
  const Message other = graph({node("Identity", {"x"}, {"b"})}, {}, {"b"});
  ModelBytes nested = model_of_flow(
      {node("Less", {"total", "ten"}, {"small"}, {}, "small"),
       node("If", {"small"}, {"z"}, {body("then_branch", inner), body("else_branch", other)}, "outer")},
      {floats("ten", {}, {10})});
  nested.outputs = {"z"};
  Runtime both = runtime_of(nested);
  CHECK(run(both, {1, 2, 3}) == Floats{1, 2, 3, 1, 2, 3});
  CHECK(run(both, {-1, 2, -3}).empty());
  CHECK(run(both, {5, 6, 7}) == Floats{5, 6, 7});
}

TEST_CASE("what only the other branch wants is not computed", "[onnx][control]") {
  // A step outside of the branches, too, if nothing else uses it.
  const Message root = graph({node("Sqrt", {"outside"}, {"a"}, {}, "root")}, {}, {"a"});
  const Message same = graph({}, {}, {"x"});
  Runtime runtime =
      runtime_of(model_of_flow({node("Exp", {"x"}, {"outside"}, {}, "exp"), branch(root, same)}));
  const auto computed = [&](const Floats& x) {
    std::vector<std::string> layers;
    test::succeeds(runtime.input(0).copy_from(x));
    test::succeeds(runtime.run_visiting(
        [&](std::size_t step, auto, auto) { layers.push_back(runtime.program().steps()[step].layer); }));
    return layers;
  };
  const auto has = [](const std::vector<std::string>& layers, const std::string& id) {
    return std::find(layers.begin(), layers.end(), id) != layers.end();
  };
  CHECK(has(computed({1, 2, 3}), "exp"));
  CHECK(has(computed({1, 2, 3}), "root"));
  CHECK_FALSE(has(computed({-1, -2, -3}), "exp"));
  CHECK_FALSE(has(computed({-1, -2, -3}), "root"));
  CHECK(has(computed({-1, -2, -3}), "decide"));
  CHECK(run(runtime, {-1, -2, -3}) == Floats{-1, -2, -3});
}

TEST_CASE("a Loop runs as often as a computed trip count says", "[onnx][control]") {
  Runtime runtime =
      runtime_of(model_of_flow(computed_trips({loop(doubling())}), {number("first", 0), number("most", 5)}));
  CHECK(run(runtime, {1, 2, 3}) == Floats{2, 4, 6});
  CHECK(run(runtime, {3, 1, 1}) == Floats{24, 8, 8});
  CHECK(run(runtime, {0, 1, 1}) == Floats{0, 1, 1});
  CHECK(run(runtime, {-7, 1, 1}) == Floats{-7, 1, 1});
  CHECK(run(runtime, {100, 1, 1}) == Floats{3200, 32, 32});
}

TEST_CASE("scan outputs have as many pieces as there are iterations", "[onnx][control]") {
  ModelBytes bytes = model_of_flow(computed_trips({loop(doubling(), {"last", "y"})}),
                                   {number("first", 0), number("most", 5)});
  bytes.outputs = {"y", "last"};
  Runtime runtime = runtime_of(bytes);
  CHECK(runtime.program().outputs()[0].shape == Shape{5, 3});
  CHECK(run(runtime, {2, 1, 1}) == Floats{-4, -2, -2, -8, -4, -4});
  CHECK(runtime.output(0).shape() == Shape{2, 3});
  CHECK(run(runtime, {0, 1, 1}).empty());
  CHECK(runtime.output(0).shape() == Shape{0, 3});
  CHECK(run(runtime, {9, 1, 1}).size() == 15);
  CHECK(run(runtime, {1, 1, 1}, 1) == Floats{2, 2, 2});
}

TEST_CASE("a Loop ends where its computed condition no longer holds", "[onnx][control]") {
  ModelBytes bytes = model_of_flow({loop(doubling(20), {"last", "y"})}, {number("trips", 8)});
  bytes.outputs = {"last", "y"};
  Runtime runtime = runtime_of(bytes);
  CHECK(run(runtime, {1, 2, 3}) == Floats{8, 16, 24});
  CHECK(runtime.output(1).shape() == Shape{3, 3});
  CHECK(run(runtime, {30, 2, 3}) == Floats{60, 4, 6});
  CHECK(runtime.output(1).shape() == Shape{1, 3});
  CHECK(run(runtime, {0.001f, 0, 0}) == Floats{0.256f, 0, 0});
  CHECK(runtime.output(1).shape() == Shape{8, 3});
  // The condition before the first iteration, too.
  ModelBytes given = model_of_flow({loop(doubling(20), {"y"}, {"trips", "c", "x"})}, {number("trips", 8)});
  Runtime guarded = runtime_of(given);
  CHECK(run(guarded, {1, 2, 3}) == Floats{8, 16, 24});
  CHECK(run(guarded, {-1, -2, -3}) == Floats{-1, -2, -3});
}

TEST_CASE("iterations that do not take place are not computed", "[onnx][control]") {
  Runtime runtime =
      runtime_of(model_of_flow(computed_trips({loop(doubling())}), {number("first", 0), number("most", 5)}));
  const auto doubled = [&](const Floats& x) {
    std::size_t count = 0;
    test::succeeds(runtime.input(0).copy_from(x));
    test::succeeds(runtime.run_visiting([&](std::size_t step, auto, auto) {
      count += runtime.program().steps()[step].layer.starts_with("double") ? 1 : 0;
    }));
    return count;
  };
  CHECK(doubled({0, 1, 1}) == 0);
  CHECK(doubled({2, 1, 1}) == 2);
  CHECK(doubled({9, 1, 1}) == 5);
}

TEST_CASE("hostile trip counts and conditions are refused by name", "[onnx][control][bad]") {
  ModelBytes bytes = model_of_flow({loop(doubling())});
  bytes.inputs.push_back(value_info("trips", {}, kInt64));
  refused(bytes, ErrorCode::kModelUnsupported, "loop (Loop): the trip count has no bound (trips)");
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  refused(model_of_flow(computed_trips({loop(doubling())}), {number("first", 0), number("most", huge / 4)}),
          ErrorCode::kLimitExceeded, "ModelLimits::nodes");
  refused(model_of_flow(computed_trips({loop(doubling())}), {number("first", 0), number("most", huge)}),
          ErrorCode::kModelUnsupported, "the trip count has no bound (trips)");
  refused(model_of_flow({loop(doubling(), {"y"}, {"", "", "x"})}), ErrorCode::kModelUnsupported,
          "the number of iterations has no bound");
  refused(model_of_flow({loop(doubling(), {"y"}, {"trips", "", "x"})}, {number("trips", huge)}),
          ErrorCode::kLimitExceeded, "ModelLimits::nodes");
  // Results that a condition cannot choose from.
  const Message matrix = graph({node("Unsqueeze", {"x", "axis"}, {"a"})}, {}, {"a"}, {integers("axis", {0})});
  const Message same = graph({}, {}, {"x"});
  refused(model_of_flow({branch(matrix, same)}), ErrorCode::kModelUnsupported, "different types or ranks");
  ModelBytes wide = model_of_flow({branch(same, same)});
  wide.nodes[1] = node("Greater", {"x", "nought"}, {"c"}, {}, "decide");
  refused(wide, ErrorCode::kModelUnsupported, "choice (If): the condition must be one boolean");
}

}  // namespace fettle::computed_flow
