// SPDX-License-Identifier: Apache-2.0
//
// If, Loop and Scan whose course is known when the model is read, and files in which it is not, or that ask
// for too much.
#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"
#include "tests/onnx/run_model.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

using Floats = std::vector<float>;

Message number(std::string_view name, std::int64_t value) {
  return tensor(name, kInt64, {}, std::vector<std::int64_t>{value});
}

// One input x of 3 numbers, one output y.
ModelBytes model_of_control_flow(std::vector<Message> nodes, std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.opset = 13;
  model.nodes = std::move(nodes);
  model.initialisers = std::move(initialisers);
  model.inputs = {value_info("x", {3})};
  model.outputs = {"y"};
  return model;
}

// The first output for x = {1, 2, 3}.
Floats run(const ModelBytes& bytes, Shape* shape = nullptr) {
  Runtime runtime =
      test::value_of(Runtime::create(test::value_of(Program::compile(test::value_of(test::parse(bytes))))));
  test::succeeds(runtime.input(0).copy_from(Floats{1, 2, 3}));
  test::succeeds(runtime.run());
  if (shape != nullptr) *shape = runtime.output(0).shape();
  const auto values = runtime.output(0).values<float>();
  return {values.begin(), values.end()};
}

Error refused(const ModelBytes& model, ErrorCode code, std::string_view text,
              const ModelOptions& options = {}) {
  return test::error_of(test::parse(model, options), code, text);
}

Message branch(const std::string& condition, const Message& then_graph, const Message& else_graph) {
  return node("If", {condition}, {"y"}, {body("then_branch", then_graph), body("else_branch", else_graph)},
              "choice");
}

// Adds the counter, as a float, to what is carried, and gives the square of the sum as scan output.
Message counting_body(const std::vector<Message>& more = {}) {
  std::vector<Message> nodes{node("Identity", {"going"}, {"still"}),
                             node("Cast", {"i"}, {"f"}, {attribute("to", std::int64_t{kFloat})}),
                             node("Add", {"sum", "f"}, {"next"}, {}, "add"),
                             node("Mul", {"next", "next"}, {"square"}, {}, "mul")};
  nodes.insert(nodes.end(), more.begin(), more.end());
  return graph(nodes, {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("sum", {3})},
               {"still", "next", "square"});
}

Message loop(const Message& graph, const std::vector<std::string>& outputs = {"y"},
             const std::vector<std::string>& inputs = {"trips", "", "x"}) {
  return node("Loop", inputs, outputs, {body("body", graph)}, "loop");
}

}  // namespace

TEST_CASE("If becomes the branch that a constant chooses", "[onnx][control]") {
  const Message negate = graph({node("Neg", {"x"}, {"a"}, {}, "neg")}, {}, {"a"});
  const Message twice = graph({node("Mul", {"x", "k"}, {"a"}, {}, "mul")}, {}, {"a"}, {floats("k", {}, {2})});
  for (bool value : {true, false}) {
    const ModelBytes bytes = model_of_control_flow({branch("c", negate, twice)}, {truth("c", value)});
    CHECK(run(bytes) == (value ? Floats{-1, -2, -3} : Floats{2, 4, 6}));
    const Model model = test::value_of(test::parse(bytes));
    REQUIRE(model.layers().size() == 1);
    CHECK(model.layers()[0].id == (value ? "neg" : "mul"));
    CHECK(model.outputs()[0].name == "y");
  }
}

TEST_CASE("the condition may be what folding finds", "[onnx][control]") {
  const Message negate = graph({node("Neg", {"x"}, {"a"})}, {}, {"a"});
  const Message same = graph({}, {}, {"x"});
  // Whether x has 3 elements; and the branch's result is used further.
  ModelBytes bytes = model_of_control_flow(
      {node("Size", {"x"}, {"n"}), node("Equal", {"n", "three"}, {"c"}),
       node("If", {"c"}, {"z"}, {body("then_branch", negate), body("else_branch", same)}),
       node("Abs", {"z"}, {"y"})},
      {number("three", 3)});
  CHECK(run(bytes) == Floats{1, 2, 3});
  bytes.nodes.pop_back();
  bytes.outputs = {"z"};
  CHECK(run(bytes) == Floats{-1, -2, -3});
  bytes.initialisers = {number("three", 4)};
  CHECK(run(bytes) == Floats{1, 2, 3});
}

TEST_CASE("a branch may give a constant that later shapes need", "[onnx][control]") {
  const Message wide = graph({}, {}, {"s"}, {integers("s", {1, 3})});
  const Message tall = graph({}, {}, {"s"}, {integers("s", {3, 1})});
  const ModelBytes bytes =
      model_of_control_flow({node("If", {"c"}, {"s"}, {body("then_branch", wide), body("else_branch", tall)}),
                             node("Identity", {"s"}, {"same"}), node("Reshape", {"x", "same"}, {"y"})},
                            {truth("c", false)});
  Shape shape;
  CHECK(run(bytes, &shape) == Floats{1, 2, 3});
  CHECK(shape == Shape{3, 1});
}

TEST_CASE("what is wrong in the branch not taken does not matter", "[onnx][control]") {
  const Message magic = graph({node("Magic", {"x"}, {"a"}, {}, "trick", "com.example")}, {}, {"a"});
  const Message negate = graph({node("Neg", {"x"}, {"a"})}, {}, {"a"});
  CHECK(run(model_of_control_flow({branch("c", magic, negate)}, {truth("c", false)})) == Floats{-1, -2, -3});
  refused(model_of_control_flow({branch("c", magic, negate)}, {truth("c", true)}),
          ErrorCode::kModelUnsupported, "trick (Magic)");
}

TEST_CASE("Loop is unrolled", "[onnx][control]") {
  const std::vector<Message> trips{number("trips", 3)};
  CHECK(run(model_of_control_flow({loop(counting_body())}, trips)) == Floats{4, 5, 6});
  Shape shape;
  const ModelBytes scanned = model_of_control_flow({loop(counting_body(), {"", "y"})}, trips);
  CHECK(run(scanned, &shape) == Floats{1, 4, 9, 4, 9, 16, 16, 25, 36});
  CHECK(shape == Shape{3, 3});
  std::vector<std::string> ids;
  const Model model = test::value_of(test::parse(scanned));
  for (const LayerInfo& layer : model.layers()) ids.push_back(layer.id);
  for (const char* id : {"mul.0", "mul.1", "mul.2", "loop"}) CHECK(std::ranges::count(ids, id) == 1);
  CHECK(run(model_of_control_flow({loop(counting_body())}, {number("trips", 0)})) == Floats{1, 2, 3});
  CHECK(run(model_of_control_flow({loop(counting_body())}, {number("trips", -7)})) == Floats{1, 2, 3});
  CHECK(run(model_of_control_flow({loop(counting_body(), {"y"}, {"trips", "c", "x"})},
                                  {number("trips", 3), truth("c", false)})) == Floats{1, 2, 3});
}

TEST_CASE("Loop ends when its condition is found to be false", "[onnx][control]") {
  const Message until =
      graph({node("Less", {"i", "three"}, {"still"}), node("Add", {"sum", "sum"}, {"next"})},
            {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("sum", {3})},
            {"still", "next"}, {number("three", 3)});
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  CHECK(run(model_of_control_flow({loop(until)}, {number("trips", huge)})) == Floats{16, 32, 48});
  CHECK(run(model_of_control_flow({loop(until, {"y"}, {"", "", "x"})})) == Floats{16, 32, 48});
}

TEST_CASE("subgraphs lie in subgraphs and use what is around them", "[onnx][control]") {
  // Three times: a Scan over the rows of w, whose body adds x and a branch's choice.
  const Message first = graph({node("Mul", {"row", "factor"}, {"a"})}, {}, {"a"});
  const Message second = graph({node("Neg", {"row"}, {"a"})}, {}, {"a"});
  const Message inner =
      graph({node("If", {"c"}, {"chosen"}, {body("then_branch", first), body("else_branch", second)}, "if"),
             node("Add", {"state", "chosen"}, {"sum"}, {}, "add")},
            {value_info("state", {3}), value_info("row", {3})}, {"sum"});
  const Message outer =
      graph({node("Identity", {"going"}, {"still"}), node("Add", {"carried", "x"}, {"started"}),
             node("Scan", {"started", "w"}, {"next"},
                  {body("body", inner), attribute("num_scan_inputs", std::int64_t{1})}, "scan")},
            {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("carried", {3})},
            {"still", "next"}, {floats("w", {2, 3}, {1, 0, 0, 0, 1, 1})});
  for (bool value : {true, false}) {
    const ModelBytes bytes = model_of_control_flow(
        {loop(outer)}, {number("trips", 3), truth("c", value), floats("factor", {}, {10})});
    CHECK(run(bytes) == (value ? Floats{34, 38, 42} : Floats{1, 5, 9}));
  }
}

TEST_CASE("Scan goes along any axis, in both directions", "[onnx][control]") {
  const Message sum = graph({node("Add", {"state", "slice"}, {"next"}), node("Identity", {"next"}, {"out"})},
                            {value_info("state", {}), value_info("slice", {})}, {"next", "out"});
  const auto scan = [&](std::vector<Message> attributes) {
    attributes.push_back(body("body", sum));
    attributes.push_back(attribute("num_scan_inputs", std::int64_t{1}));
    return model_of_control_flow({node("Scan", {"zero", "x"}, {"", "y"}, attributes)},
                                 {floats("zero", {}, {0})});
  };
  CHECK(run(scan({})) == Floats{1, 3, 6});
  CHECK(run(scan({attribute("scan_input_directions", Dims{1})})) == Floats{3, 5, 6});
  CHECK(run(scan({attribute("scan_output_directions", Dims{1})})) == Floats{6, 3, 1});
  CHECK(run(scan({attribute("scan_input_axes", Dims{-1}), attribute("scan_output_axes", Dims{-1})})) ==
        Floats{1, 3, 6});
  refused(scan({attribute("scan_input_axes", Dims{1})}), ErrorCode::kModelUnsupported, "axis");
  ModelBytes old = scan({});
  old.opset = 8;
  refused(old, ErrorCode::kModelUnsupported, "opset 9");

  const Message columns =
      graph({node("Add", {"slice", "slice"}, {"out"})}, {value_info("slice", {2})}, {"out"});
  const ModelBytes turned = model_of_control_flow(
      {node("Scan", {"w"}, {"t"},
            {body("body", columns), attribute("num_scan_inputs", std::int64_t{1}),
             attribute("scan_input_axes", Dims{1}), attribute("scan_output_axes", Dims{1})}),
       node("Add", {"t", "x"}, {"y"})},
      {floats("w", {2, 3}, {1, 2, 3, 4, 5, 6})});
  CHECK(run(turned) == Floats{3, 6, 9, 9, 12, 15});
}

TEST_CASE("loops without iterations give scan outputs of extent 0", "[onnx][control]") {
  // The body tells the shape of what an iteration would give, and nothing of it is left.
  Shape shape;
  for (const std::int64_t trips : {std::int64_t{0}, std::int64_t{-3}}) {
    const ModelBytes bytes =
        model_of_control_flow({loop(counting_body(), {"", "y"})}, {number("trips", trips)});
    CHECK(run(bytes, &shape).empty());
    CHECK(shape == Shape{0, 3});
    CHECK(test::value_of(test::parse(bytes)).layers().empty());
  }
  CHECK(run(model_of_control_flow({loop(counting_body(), {"", "y"}, {"trips", "c", "x"})},
                                  {number("trips", 3), truth("c", false)}),
            &shape)
            .empty());
  CHECK(shape == Shape{0, 3});
  // Beside what is carried, and joined with more.
  const ModelBytes joined = model_of_control_flow(
      {loop(counting_body(), {"last", "all"}), node("Unsqueeze", {"last", "zero"}, {"row"}),
       node("Concat", {"all", "row"}, {"y"}, {attribute("axis", std::int64_t{0})})},
      {number("trips", 0), integers("zero", {0})});
  CHECK(run(joined, &shape) == Floats{1, 2, 3});
  CHECK(shape == Shape{1, 3});
}

TEST_CASE("a Scan over nothing gives scan outputs of extent 0", "[onnx][control]") {
  const Message columns =
      graph({node("Add", {"slice", "slice"}, {"out"})}, {value_info("slice", {2})}, {"out"});
  const auto scan = [&](std::int64_t output_axis) {
    return model_of_control_flow(
        {node("Scan", {"none"}, {"y"},
              {body("body", columns), attribute("num_scan_inputs", std::int64_t{1}),
               attribute("scan_input_axes", Dims{1}), attribute("scan_output_axes", Dims{output_axis})})},
        {floats("none", {2, 0}, {})});
  };
  Shape shape;
  CHECK(run(scan(0), &shape).empty());
  CHECK(shape == Shape{0, 2});
  CHECK(run(scan(-1), &shape).empty());
  CHECK(shape == Shape{2, 0});
  refused(scan(2), ErrorCode::kModelUnsupported, "scan axis");
}

TEST_CASE("what a file declares of a body's results is enough where it does not run", "[onnx][control]") {
  // A body that cannot be run does not matter then, as in a branch that is not taken.
  const auto without_iterations = [](const Message& declared) {
    Message body_graph;
    body_graph.message(1, node("Identity", {"going"}, {"still"}))
        .message(1, node("Magic", {"sum"}, {"square"}, {}, "trick"));
    body_graph.message(11, value_info("i", {}, kInt64)).message(11, value_info("going", {}, kBool));
    body_graph.message(11, value_info("sum", {3}));
    body_graph.message(12, Message().text(1, "still"))
        .message(12, Message().text(1, "sum"))
        .message(12, declared);
    return model_of_control_flow({loop(body_graph, {"", "y"})}, {number("trips", 0)});
  };
  Shape shape;
  CHECK(run(without_iterations(value_info("square", {4, 5})), &shape).empty());
  CHECK(shape == Shape{0, 4, 5});
  refused(without_iterations(value_info("square", {-1})), ErrorCode::kModelUnsupported, "trick (Magic)");
}

TEST_CASE("loops that run too often are refused", "[onnx][control][bad]") {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  refused(model_of_control_flow({loop(counting_body())}, {number("trips", huge)}), ErrorCode::kLimitExceeded,
          "ModelLimits::nodes");
  refused(model_of_control_flow({loop(counting_body(), {"y"}, {"", "", "x"})}), ErrorCode::kLimitExceeded,
          "loop");
  const Message idle =
      graph({}, {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("sum", {3})},
            {"going", "sum"});
  refused(model_of_control_flow({loop(idle)}, {number("trips", huge)}), ErrorCode::kLimitExceeded, "loop");
  ModelOptions options;
  options.limits.nodes = 40;
  CHECK(test::parse(model_of_control_flow({loop(counting_body())}, {number("trips", 9)}), options));
  refused(model_of_control_flow({loop(counting_body())}, {number("trips", 10)}), ErrorCode::kLimitExceeded,
          "40", options);
  options.limits.nodes = 4;
  refused(model_of_control_flow({loop(counting_body())}, {number("trips", 1)}), ErrorCode::kLimitExceeded,
          "4", options);
}

TEST_CASE("damaged subgraphs are refused", "[onnx][control][bad]") {
  const Message negate = graph({node("Neg", {"x"}, {"a"})}, {}, {"a"});
  const auto refuse = [](const Message& entry, std::string_view text) {
    refused(model_of_control_flow({entry}, {number("trips", 2), truth("c", true)}), ErrorCode::kModelInvalid,
            text);
  };
  refuse(branch("c", graph({node("Neg", {"nothing"}, {"a"})}, {}, {"a"}), negate), "nothing");
  refuse(branch("c", graph({node("Neg", {"y"}, {"a"})}, {}, {"a"}), negate), "y");
  refuse(branch("c", graph({}, {}, {"nowhere"}), negate), "nowhere");
  refuse(branch("c", graph({}, {}, {}), negate), "gives 0 values");
  refuse(branch("c", graph({}, {value_info("extra", {3})}, {"extra"}), negate), "takes 1 inputs");
  refuse(branch("unknown", negate, negate), "unknown");
  refuse(node("If", {"c"}, {"y"}, {body("then_branch", negate)}), "else_branch");
  refuse(node("If", {"c", "x"}, {"y"}, {body("then_branch", negate), body("else_branch", negate)}),
         "one input");
  refuse(node("If", {""}, {"y"}, {body("then_branch", negate), body("else_branch", negate)}), "lacks");
  refuse(node("If", {"c"}, {}, {body("then_branch", negate), body("else_branch", negate)}), "no output");
  refuse(loop(graph({}, {}, {})), "no condition");
  refuse(loop(graph({}, {}, {"c"})), "takes 0 inputs");
  refuse(loop(counting_body(), {"y", "a", "b"}), "gives 2 values");
  refuse(loop(counting_body(), {"y"}, {"trips", "", "x", "x"}), "takes 3 inputs");
  refuse(loop(counting_body(), {"y"}, {"trips", "", ""}), "lacks");
  refuse(loop(counting_body({node("Neg", {"x"}, {"next"})})), "made twice");
  const Message scanned = graph({}, {value_info("s", {})}, {"s"});
  refuse(node("Scan", {"x"}, {"y"}, {body("body", scanned)}), "num_scan_inputs");
  refuse(node("Scan", {"x"}, {"y"}, {body("body", scanned), attribute("num_scan_inputs", std::int64_t{2})}),
         "num_scan_inputs");
}

TEST_CASE("subgraphs are not nested without end", "[onnx][control][bad]") {
  const auto nested = [](int depth) {
    Message inside = graph({node("Neg", {"x"}, {"v0"})}, {}, {"v0"});
    for (int i = 1; i < depth; ++i) {
      const std::string result = "v" + std::to_string(i);
      inside = graph({node("If", {"c"}, {result},
                           {body("then_branch", inside), body("else_branch", graph({}, {}, {"x"}))})},
                     {}, {result});
    }
    return model_of_control_flow({branch("c", inside, graph({}, {}, {"x"}))}, {truth("c", true)});
  };
  CHECK(run(nested(8)) == Floats{-1, -2, -3});
  refused(nested(9), ErrorCode::kModelUnsupported, "nested more than 8 deep");
  refused(nested(12), ErrorCode::kModelUnsupported, "nested more than 8 deep");
  CHECK_FALSE(test::parse(nested(1000)));
}

TEST_CASE("subgraphs count in hashes", "[onnx][control]") {
  const auto hashes = [](const char* op, float weight) {
    const Message taken = graph({node(op, {"x", "k"}, {"a"})}, {}, {"a"}, {floats("k", {}, {weight})});
    const Model model =
        test::value_of(test::parse(model_of_control_flow({branch("c", taken, taken)}, {truth("c", true)})));
    return std::pair(model.graph_hash(), model.weights_hash());
  };
  CHECK(hashes("Mul", 2).first == hashes("Mul", 3).first);
  CHECK(hashes("Mul", 2).second != hashes("Mul", 3).second);
  CHECK(hashes("Mul", 2).first != hashes("Add", 2).first);
}

TEST_CASE("damaged files with subgraphs never crash", "[onnx][control][bad]") {
  const Message negate = graph({node("Neg", {"x"}, {"a"})}, {}, {"a"});
  const Message choice =
      graph({node("If", {"c"}, {"b"}, {body("then_branch", negate), body("else_branch", negate)}),
             node("Identity", {"going"}, {"still"}), node("Add", {"sum", "b"}, {"next"})},
            {value_info("i", {}, kInt64), value_info("going", {}, kBool), value_info("sum", {3})},
            {"still", "next", "b"});
  const std::string whole =
      model_of_control_flow(
          {loop(choice, {"l", "s"}),
           node("Scan", {"l", "s"}, {"z", "y"},
                {body("body", graph({node("Add", {"p", "q"}, {"r"})},
                                    {value_info("p", {3}), value_info("q", {3})}, {"r", "r"})),
                 attribute("num_scan_inputs", std::int64_t{1}), attribute("scan_input_axes", Dims{0})})},
          {number("trips", 3), truth("c", true)})
          .bytes();
  REQUIRE(Model::parse(as_bytes(whole), "whole"));
  ModelOptions options;
  options.limits.nodes = 1000;
  options.limits.tensor_elements = 1 << 20;
  options.limits.folded_bytes = 1 << 22;
  for (std::size_t length = 0; length < whole.size(); ++length)
    static_cast<void>(Model::parse(as_bytes(whole.substr(0, length)), "cut", options));
  std::uint32_t random = 54321;
  const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 8; };
  int refusals = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = whole;
    for (std::uint32_t flips = 1 + next() % 3; flips > 0; --flips)
      damaged[next() % damaged.size()] = static_cast<char>(next());
    if (const Result<Model> result = Model::parse(as_bytes(damaged), "damaged", options); !result) {
      ++refusals;
      CHECK_FALSE(result.error().message().empty());
    }
  }
  CHECK(refusals > 0);
}

}  // namespace fettle
