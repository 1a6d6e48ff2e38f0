// SPDX-License-Identifier: Apache-2.0
//
// Files whose nodes stand in any order, and files in which there is none.
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::run_model;

using Floats = std::vector<float>;

// y = (x + 1) * (x + 1) - x
ModelBytes sorted() {
  ModelBytes model;
  model.nodes = {node("Add", {"x", "one"}, {"a"}, {}, "first"), node("Mul", {"a", "a"}, {"b"}, {}, "second"),
                 node("Sub", {"b", "x"}, {"y"}, {}, "third")};
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  model.initialisers = {floats("one", {}, {1})};
  return model;
}

Model parsed(const ModelBytes& model) {
  return test::value_of(Model::parse(as_bytes(model.bytes()), "test"));
}

std::string refusal_order(const ModelBytes& model) {
  return test::error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelInvalid).text();
}

std::vector<std::string> layer_ids(const ModelBytes& model) {
  const Model loaded = parsed(model);
  std::vector<std::string> ids;
  for (const LayerInfo& layer : loaded.layers()) ids.push_back(layer.id);
  return ids;
}

}  // namespace

TEST_CASE("nodes may stand in any order", "[onnx][order]") {
  ModelBytes model = sorted();
  std::vector<int> order{0, 1, 2};
  do {
    for (std::size_t i = 0; i < order.size(); ++i)
      model.nodes[i] = sorted().nodes[static_cast<std::size_t>(order[i])];
    CHECK(run_model(model, Floats{2, 3}).values() == Floats{7, 13});
    CHECK(layer_ids(model) == std::vector<std::string>{"first", "second", "third"});
    CHECK(parsed(model).graph_hash() == parsed(sorted()).graph_hash());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("files in order keep it", "[onnx][order]") {
  // Branches that could as well be exchanged, and nodes without names, which are called by their number.
  ModelBytes model = sorted();
  model.nodes = {node("Neg", {"x"}, {"b"}), node("Abs", {"x"}, {"a"}), node("Add", {"a", "b"}, {"y"})};
  CHECK(layer_ids(model) == std::vector<std::string>{"b", "a", "y"});
}

TEST_CASE("what a graph inside a node uses comes before the node", "[onnx][order]") {
  const Message twice = graph({node("Mul", {"late", "two"}, {"r"}, {}, "inner")}, {}, {"r"});
  const Message same = graph({}, {}, {"late"});
  const Message nested =
      graph({node("If", {"yes"}, {"r"}, {body("then_branch", twice), body("else_branch", same)})}, {}, {"r"});
  ModelBytes model;
  model.nodes = {
      node("If", {"yes"}, {"y"}, {body("then_branch", nested), body("else_branch", same)}, "outer"),
      node("Add", {"x", "two"}, {"late"}, {}, "maker")};
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  model.initialisers = {tensor("yes", kBool, {}, std::vector<char>{1}), floats("two", {}, {2})};
  CHECK(run_model(model, Floats{1, 2}).values() == Floats{6, 8});
}

TEST_CASE("the nodes of a graph inside a node may stand in any order", "[onnx][order]") {
  const Message mixed = graph({node("Neg", {"a"}, {"r"}), node("Add", {"x", "x"}, {"a"})}, {}, {"r"});
  ModelBytes model;
  model.nodes = {node("If", {"yes"}, {"y"}, {body("then_branch", mixed), body("else_branch", mixed)})};
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  model.initialisers = {tensor("yes", kBool, {}, std::vector<char>{1})};
  CHECK(run_model(model, Floats{1, 2}).values() == Floats{-2, -4});
  // A name of its own hides one from outside, even where it is used first.
  model.nodes.insert(model.nodes.begin(), node("Abs", {"x"}, {"unused"}));
  CHECK(run_model(model, Floats{1, 2}).values() == Floats{-2, -4});
}

TEST_CASE("a cycle is refused with the nodes that form it", "[onnx][order][bad]") {
  ModelBytes model = sorted();
  // first -> second -> first; third only follows.
  model.nodes[0] = node("Add", {"x", "b"}, {"a"}, {}, "first");
  const std::string text = refusal_order(model);
  CHECK(text.find("nodes first, second form a cycle") != std::string::npos);
  CHECK(text.find("third") == std::string::npos);
  model.nodes = {node("Relu", {"y"}, {"y"}, {}, "own")};
  CHECK(refusal_order(model).find("node own needs its own result") != std::string::npos);
}

TEST_CASE("a cycle through a graph inside a node, and inside one, is refused", "[onnx][order][bad]") {
  const Message uses = graph({node("Neg", {"late"}, {"r"})}, {}, {"r"});
  ModelBytes model = sorted();
  model.initialisers.push_back(tensor("yes", kBool, {}, std::vector<char>{1}));
  model.nodes = {node("If", {"yes"}, {"y"}, {body("then_branch", uses), body("else_branch", uses)}, "choice"),
                 node("Abs", {"y"}, {"late"}, {}, "after")};
  CHECK(refusal_order(model).find("nodes choice, after form a cycle") != std::string::npos);
  const Message turning =
      graph({node("Neg", {"q"}, {"r"}, {}, "left"), node("Neg", {"r"}, {"q"}, {}, "right")}, {}, {"r"});
  model.nodes = {node("If", {"yes"}, {"y"}, {body("then_branch", turning), body("else_branch", turning)})};
  CHECK(refusal_order(model).find("nodes left, right form a cycle") != std::string::npos);
}

TEST_CASE("a long cycle and long names are cut", "[onnx][order][bad]") {
  ModelBytes model = sorted();
  model.nodes.clear();
  constexpr int kNodes = 20'000;
  const auto value = [](int i) { return "v" + std::to_string(i % kNodes); };
  for (int i = 0; i < kNodes; ++i)
    model.nodes.push_back(node("Neg", {value(i + 1)}, {value(i)}, {}, std::string(5000, 'n')));
  model.outputs = {"v0"};
  const std::string text = refusal_order(model);
  CHECK(text.find("and 19990 more form a cycle") != std::string::npos);
  CHECK(text.size() < 2000);
}

TEST_CASE("a name that nothing makes is refused", "[onnx][order][bad]") {
  ModelBytes model = sorted();
  model.nodes[1] = node("Mul", {"a", "missing"}, {"b"}, {}, "second");
  CHECK(refusal_order(model).find("node second uses missing, which nothing in the graph makes") !=
        std::string::npos);
}

}  // namespace fettle
