// SPDX-License-Identifier: Apache-2.0
//
// Functions that a file defines, as exporters that keep modules write them: what they compute where they are
// called, and what no call may ask for.
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::run_model;

using Floats = std::vector<float>;

Message call(std::string_view name, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {},
             std::string_view id = "call") {
  return node(name, inputs, outputs, attributes, id, "local");
}

ModelBytes calling(std::vector<Message> nodes, const std::vector<FunctionParts>& functions) {
  ModelBytes model;
  model.opset = 18;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  for (const FunctionParts& parts : functions) model.functions.push_back(function_of(parts));
  return model;
}

Floats computed(const ModelBytes& model, const Floats& x = {1, -2}) {
  Runtime runtime =
      test::value_of(Runtime::create(test::value_of(Program::compile(test::value_of(test::parse(model))))));
  test::succeeds(runtime.input(0).copy_from(std::as_bytes(std::span(x))));
  test::succeeds(runtime.run());
  const auto y = runtime.output(0).values<float>();
  return {y.begin(), y.end()};
}

std::string refused_call(const ModelBytes& model, ErrorCode code = ErrorCode::kModelUnsupported,
                         const ModelOptions& options = {}) {
  return test::error_of(test::parse(model, options), code).text();
}

bool tells(const std::string& text, std::string_view part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

const FunctionParts kTwice{"Twice", {"a"}, {"b"}, {node("Add", {"a", "a"}, {"b"}, {}, "sum")}};

}  // namespace

TEST_CASE("nodes of a function take the place of its call", "[onnx][functions]") {
  // The names inside are others than those outside, though they are the same words; a function may call
  // another.
  const FunctionParts fourfold{
      "Fourfold",
      {"x"},
      {"y"},
      {call("Twice", {"x"}, {"a"}, {}, "first"), call("Twice", {"a"}, {"y"}, {}, "second")}};
  const ModelBytes model =
      calling({call("Fourfold", {"x"}, {"a"}), node("Neg", {"a"}, {"y"})}, {kTwice, fourfold});
  CHECK(computed(model) == Floats{-4, 8});
  const Model loaded = test::value_of(test::parse(model));
  CHECK(loaded.layers()[0].id == "call/first/sum");
  CHECK(loaded.layers()[1].id == "call/second/sum");
}

TEST_CASE("attributes of a function are those of the call, or their defaults", "[onnx][functions]") {
  const FunctionParts bent{"Bent",
                           {"a"},
                           {"b"},
                           {node("LeakyRelu", {"a"}, {"b"}, {reference("alpha", "slope", 1)})},
                           {attribute("slope", 0.5f)}};
  CHECK(computed(calling({call("Bent", {"x"}, {"y"})}, {bent})) == Floats{1, -1});
  CHECK(computed(calling({call("Bent", {"x"}, {"y"}, {attribute("slope", 0.25f)})}, {bent})) ==
        Floats{1, -0.5f});
  // Without a default the operator's own holds; graphs inside see them, too.
  FunctionParts open = bent;
  open.defaults.clear();
  CHECK(test::alike(computed(calling({call("Bent", {"x"}, {"y"})}, {open})), Floats{1, -0.02f}, 1e-6f));
  const Message branch =
      graph({node("LeakyRelu", {"a"}, {"r"}, {reference("alpha", "slope", 1)})}, {}, {"r"});
  const FunctionParts chosen{
      "Chosen",
      {"a"},
      {"b"},
      {node("Constant", {}, {"yes"}, {attribute("value", truth("", true))}),
       node("If", {"yes"}, {"b"}, {body("then_branch", branch), body("else_branch", branch)})}};
  CHECK(computed(calling({call("Chosen", {"x"}, {"y"}, {attribute("slope", 2.0f)})}, {chosen})) ==
        Floats{1, -4});
}

TEST_CASE("inputs and outputs of a call may be left out, and overloads differ", "[onnx][functions]") {
  const FunctionParts clip{"Bounded",
                           {"a", "low", "high"},
                           {"unused", "b"},
                           {node("Neg", {"a"}, {"unused"}), node("Clip", {"a", "low", "high"}, {"b"})}};
  ModelBytes model = calling({call("Bounded", {"x", "", "top"}, {"", "y"})}, {clip});
  model.initialisers = {floats("top", {}, {0.5f})};
  CHECK(computed(model) == Floats{0.5f, -2});
  FunctionParts thrice{"Twice", {"a"}, {"b"}, {node("Sum", {"a", "a", "a"}, {"b"})}};
  thrice.overload = "three";
  Message overloaded = call("Twice", {"x"}, {"y"});
  CHECK(computed(calling({overloaded}, {kTwice, thrice})) == Floats{2, -4});
  CHECK(computed(calling({overloaded.text(8, "three")}, {kTwice, thrice})) == Floats{3, -6});
}

TEST_CASE("functions may be called inside graphs of nodes", "[onnx][functions]") {
  const Message twice = graph({call("Twice", {"x"}, {"r"}, {}, "inner")}, {}, {"r"});
  const Message same = graph({node("Identity", {"x"}, {"r"})}, {}, {"r"});
  ModelBytes model = calling(
      {node("If", {"yes"}, {"y"}, {body("then_branch", twice), body("else_branch", same)})}, {kTwice});
  model.initialisers = {truth("yes", true)};
  CHECK(computed(model) == Floats{2, -4});
}

TEST_CASE("what cannot be run in a function is said of the nodes inside", "[onnx][functions][bad]") {
  const FunctionParts magic{"Magic", {"a"}, {"b"}, {node("Wand", {"a"}, {"b"}, {}, "wand")}};
  const std::string text = refused_call(
      calling({call("Magic", {"x"}, {"a"}, {}, "one"), call("Magic", {"a"}, {"y"}, {}, "two")}, {magic}));
  CHECK(tells(text, "2 nodes cannot be run"));
  CHECK(tells(text, "one/wand (Wand): unknown operator"));
  CHECK(tells(text, "two/wand (Wand): unknown operator"));
  FunctionParts old{"Old", {"a"}, {"b"}, {node("ReduceMax", {"a"}, {"b"}, {}, "largest")}};
  old.opset = 13;
  CHECK(tells(refused_call(calling({call("Old", {"x"}, {"y"})}, {old})),
              "call/largest (ReduceMax): the function is written for opset 13, the model for 18"));
  old.nodes = {node("Neg", {"a"}, {"b"})};  // the same in both
  CHECK(computed(calling({call("Old", {"x"}, {"y"})}, {old})) == Floats{-1, 2});
  CHECK(tells(refused_call(calling({call("Nowhere", {"x"}, {"y"})}, {kTwice})), "unknown domain local"));
}

TEST_CASE("functions that call themselves are refused", "[onnx][functions][bad]") {
  const FunctionParts self{"Self", {"a"}, {"b"}, {call("Self", {"a"}, {"b"}, {}, "again")}};
  CHECK(tells(refused_call(calling({call("Self", {"x"}, {"y"})}, {self}), ErrorCode::kModelInvalid),
              "node call/again: the function Self calls itself"));
  const FunctionParts ping{"Ping", {"a"}, {"b"}, {call("Pong", {"a"}, {"b"}, {}, "to")}};
  const FunctionParts pong{"Pong", {"a"}, {"b"}, {call("Ping", {"a"}, {"b"}, {}, "fro")}};
  CHECK(tells(refused_call(calling({call("Ping", {"x"}, {"y"})}, {ping, pong}), ErrorCode::kModelInvalid),
              "node call/to/fro: the function Ping calls itself"));
  CHECK(test::parse(calling({node("Neg", {"x"}, {"y"})}, {ping, pong})));  // nobody calls them
}

TEST_CASE("calls of calls are bounded in depth, number and bytes", "[onnx][functions][bad]") {
  // Each function calls the one before it, twice: the last stands for 2^30 nodes.
  const auto tower = [](int height, bool twice) {
    std::vector<FunctionParts> functions{kTwice};
    for (int i = 1; i <= height; ++i) {
      const std::string below = i == 1 ? "Twice" : "F" + std::to_string(i - 1);
      FunctionParts next{
          "F" + std::to_string(i), {"a"}, {"b"}, {call(below, {"a"}, {twice ? "c" : "b"}, {}, "n")}};
      if (twice) next.nodes.push_back(call(below, {"c"}, {"b"}, {}, "m"));
      functions.push_back(std::move(next));
    }
    return calling({call("F" + std::to_string(height), {"x"}, {"y"})}, functions);
  };
  CHECK(computed(tower(20, false)) == Floats{2, -4});
  CHECK(tells(refused_call(tower(40, false), ErrorCode::kModelInvalid),
              "functions call each other more than 32 deep"));
  ModelOptions options;
  options.limits.nodes = 10'000;
  CHECK(tells(refused_call(tower(30, true), ErrorCode::kLimitExceeded, options), "limit of 10000"));
  // A constant of 64 KiB in a function that is called 100 times.
  const FunctionParts large{
      "Large",
      {"a"},
      {"b"},
      {node("Constant", {}, {"k"}, {attribute("value", floats("", {16384}, Floats(16384, 1)))}),
       node("Neg", {"a"}, {"b"})}};
  std::vector<Message> calls;
  for (int i = 0; i < 100; ++i)
    calls.push_back(call("Large", {i == 0 ? "x" : "v" + std::to_string(i)},
                         {i == 99 ? "y" : "v" + std::to_string(i + 1)}, {}, "c" + std::to_string(i)));
  options = {};
  options.limits.file_bytes = 1 << 20;
  CHECK(tells(refused_call(calling(std::move(calls), {large}), ErrorCode::kLimitExceeded, options),
              "functions take more than 1048576 bytes where they are called"));
}

TEST_CASE("calls that do not fit their function are refused", "[onnx][functions][bad]") {
  CHECK(tells(refused_call(calling({call("Twice", {"x", "x"}, {"y"})}, {kTwice}), ErrorCode::kModelInvalid),
              "more inputs or outputs than the function Twice"));
  CHECK(tells(refused_call(calling({call("Twice", {"x"}, {"y", "z"})}, {kTwice}), ErrorCode::kModelInvalid),
              "more inputs or outputs than the function Twice"));
  const FunctionParts nothing{"Nothing", {"a"}, {"b"}, {node("Neg", {"a"}, {"c"})}};
  CHECK(tells(refused_call(calling({call("Nothing", {"x"}, {"y"})}, {nothing}), ErrorCode::kModelInvalid),
              "nothing in the function Nothing makes its output b"));
  const FunctionParts outside{"Outside", {"a"}, {"b"}, {node("Add", {"a", "x"}, {"b"}, {}, "sum")}};
  CHECK(tells(refused_call(calling({call("Outside", {"x"}, {"y"})}, {outside}), ErrorCode::kModelInvalid),
              "node call/sum uses x, which nothing in the graph makes"));
  CHECK(
      tells(refused_call(calling({call("Twice", {"x"}, {"y"})}, {kTwice, kTwice}), ErrorCode::kModelInvalid),
            "the function Twice is defined twice"));
}

TEST_CASE("damaged functions never crash", "[onnx][functions][bad]") {
  const FunctionParts bent{
      "Bent",
      {"a", "k"},
      {"b"},
      {call("Twice", {"a"}, {"c"}, {}, "inner"),
       node("LeakyRelu", {"c"}, {"d"}, {reference("alpha", "slope", 1)}), node("Clip", {"d", "k"}, {"b"})},
      {attribute("slope", 0.5f)}};
  const std::string whole = calling({call("Bent", {"x"}, {"y"})}, {kTwice, bent}).bytes();
  REQUIRE(Model::parse(as_bytes(whole), "whole"));
  ModelOptions options;
  options.limits.tensor_elements = 1 << 16;
  std::uint32_t random = 4711;
  const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 8; };
  int loaded = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string damaged = whole;
    for (std::uint32_t flips = 1 + next() % 3; flips > 0; --flips)
      damaged[next() % damaged.size()] = static_cast<char>(next());
    loaded += Model::parse(as_bytes(damaged), "damaged", options) ? 1 : 0;
  }
  CHECK(loaded > 0);
}

}  // namespace fettle
