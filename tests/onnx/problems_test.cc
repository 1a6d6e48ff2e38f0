// SPDX-License-Identifier: Apache-2.0
//
// The list of everything that is wrong with a model: each problem once, wherever it was found, in the order
// of the nodes.
#include "tests/onnx/model_bytes.h"

#include <fettle/model.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

std::string problems_of(const ModelBytes& model, ErrorCode code = ErrorCode::kModelUnsupported) {
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == code);
  CHECK_FALSE(result.error().hint().empty());
  return result.error().message();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The parts stand in the text in this order, each once.
void check_order(const std::string& text, const std::vector<std::string>& parts) {
  INFO(text);
  std::size_t at = 0;
  for (const std::string& part : parts) {
    INFO(part);
    CHECK(count(text, part) == 1);
    const std::size_t found = text.find(part, at);
    CHECK(found != std::string::npos);
    at = std::min(found, text.size());
  }
}

// Several independent mistakes, and nodes that only follow from them.
ModelBytes mistaken() {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 2, 4, 4}), value_info("pictures", {-1, 3, -1, 8})};
  model.outputs = {"y"};
  model.nodes = {
      node("Softmax", {"pictures"}, {"follows1"}, {attribute("axis", std::int64_t{1})}, "after_free"),
      node("Concat", {"x"}, {"axis"}, {attribute("axis", std::int64_t{12})}, "bad_axis"),
      node("Magic", {"x"}, {"magic"}, {}, "unknown_operator"),
      node("Relu", {"magic"}, {"follows2"}, {}, "after_unknown"),
      node("Sigmoid", {"axis"}, {"follows3"}, {}, "after_axis"),
      node("Transpose", {"x"}, {"turned"}, {attribute("perm", floats("p", {1}, {1}))}, "bad_attribute"),
      node("Add", {"turned", "follows2"}, {"follows4"}, {}, "after_attribute"),
      node("MaxPool", {"x"}, {"y"}, {attribute("kernel_shape", Dims{9, 9})}, "bad_window"),
  };
  return model;
}

}  // namespace

TEST_CASE("import, inference and free dimensions make one list", "[onnx][bad]") {
  const std::string text = problems_of(mistaken());
  check_order(text, {"1 input has no fixed shape, 4 nodes cannot be run:",
                     "pictures (input): dimensions 0 (n), 2 (n) are free", "bad_axis (",
                     "unknown_operator (Magic)", "bad_attribute (", "bad_window ("});
  CHECK(count(text, "after") == 0);
  CHECK(count(text, "\n") == 5);
}

TEST_CASE("several inputs with free dimensions are listed", "[onnx][bad]") {
  ModelBytes model;
  model.inputs = {value_info("a", {-1, 2}), value_info("b", {3, 2}), value_info("c", {2, -1})};
  model.outputs = {"y"};
  model.nodes = {node("MatMul", {"a", "c"}, {"y"}), node("Relu", {"b"}, {"z"})};
  check_order(problems_of(model, ErrorCode::kWrongShape),
              {"2 inputs have no fixed shape:", "a (input): dimension 0 (n) is free",
               "c (input): dimension 1 (n) is free"});
}

TEST_CASE("problems of a body stand where its node is", "[onnx][bad]") {
  ModelBytes model;
  model.inputs = {value_info("x", {2})};
  model.outputs = {"y"};
  model.initialisers = {tensor("yes", 9, {}, std::vector<char>{1})};
  const Message taken = graph({node("Magic", {"x"}, {"m"}, {}, "inner_unknown"),
                               node("Transpose", {"x"}, {"t"}, {attribute("perm", Dims{5})}, "inner_perm"),
                               node("Add", {"m", "t"}, {"r"}, {}, "inner_after")},
                              {}, {"r"});
  const Message other = graph({node("Wonder", {"x"}, {"r"}, {}, "not_taken")}, {}, {"r"});
  model.nodes = {
      node("If", {"yes"}, {"b"}, {body("then_branch", taken), body("else_branch", other)}, "choice"),
      node("Relu", {"b"}, {"after"}, {}, "outer_after"),
      node("Magic", {"x"}, {"y"}, {}, "outer_unknown"),
  };
  const std::string text = problems_of(model);
  check_order(text, {"inner_unknown", "inner_perm", "outer_unknown"});
  CHECK(count(text, "after") == 0);
  CHECK(count(text, "not_taken") == 0);
}

TEST_CASE("a long list of problems is cut", "[onnx][bad]") {
  ModelBytes model;
  model.inputs = {value_info("x", {2})};
  model.outputs = {"v0"};
  for (int i = 0; i < 20'000; ++i)
    model.nodes.push_back(node("Magic", {"x"}, {"v" + std::to_string(i)}, {}, "n" + std::to_string(i)));
  const std::string text = problems_of(model);
  check_order(text, {"20000 nodes cannot be run:", "n0 (Magic)", "n49 (Magic)", "and 19950 more"});
  CHECK(count(text, "\n") == 51);
}

}  // namespace fettle
