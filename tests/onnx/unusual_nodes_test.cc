// SPDX-License-Identifier: Apache-2.0
//
// Nodes that leave out operands which their operator needs, name results that it does not have, claim
// attributes that only canonical nodes have, or take more work than limits allow.
#include "tests/onnx/model_bytes.h"

#include <fettle/model.h>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

ModelBytes model_of_unusual_nodes(Message entry, std::vector<Message> initialisers,
                                  const Dims& input = {2, 3}) {
  ModelBytes model;
  model.nodes = {std::move(entry)};
  model.inputs = {value_info("x", input)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

void refused_node(const ModelBytes& model, ErrorCode code, std::string_view text) {
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  REQUIRE_FALSE(result);
  INFO(result.error().text());
  CHECK(result.error().code() == code);
  CHECK(result.error().text().find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("results that a rewritten operator does not have are refused", "[onnx][bad]") {
  for (const char* op : {"Sum", "Mean", "Softmax"}) {
    ModelBytes model = model_of_unusual_nodes(node(op, {"x"}, {"y", "z"}), {});
    model.opset = 11;
    model.outputs = {"y", "z"};
    refused_node(model, ErrorCode::kModelInvalid, "more than one output");
  }
  refused_node(model_of_unusual_nodes(
                   node("Constant", {}, {"k", "y"}, {attribute("value", floats("", {1}, {1}))}), {}),
               ErrorCode::kModelInvalid, "more than one output");
}

TEST_CASE("operands that an operator needs may not be left out", "[onnx][bad]") {
  const std::pair<const char*, std::vector<std::string>> nodes[] = {
      {"ScatterElements", {"x", "", "x"}}, {"ScatterND", {"x", "", "x"}},
      {"RoiAlign", {"x", "", "x"}},        {"NonMaxSuppression", {"x", "", "x"}},
      {"MaxUnpool", {"x", "", "x"}},       {"NegativeLogLikelihoodLoss", {"x", "", "x"}},
      {"Einsum", {"x", "", "x"}},          {"MelWeightMatrix", {"x", "x", "x", "", "x"}},
      {"Concat", {"x", "", "x"}},          {"Sum", {"x", "", "x"}}};
  for (const auto& [op, inputs] : nodes) {
    INFO(op);
    ModelBytes model = model_of_unusual_nodes(node(op, inputs, {"y"}), {});
    model.opset = 17;
    refused_node(model, ErrorCode::kModelInvalid, "lacks an input");
  }
}

TEST_CASE("a quantised convolution may leave out its bias, and takes nothing behind it", "[onnx][bad]") {
  std::vector<std::string> inputs{"x", "s", "z", "w", "s", "z", "s", "z", ""};
  ModelBytes model =
      model_of_unusual_nodes(node("QLinearConv", inputs, {"y"}), {floats("s", {}, {1})}, {1, 1, 2, 2});
  model.inputs = {value_info("x", {1, 1, 2, 2}, 2)};
  model.initialisers.push_back(tensor<std::uint8_t>("z", 2, {}, {0}));
  model.initialisers.push_back(tensor<std::uint8_t>("w", 2, {1, 1, 1, 1}, {1}));
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  INFO((result ? "" : result.error().text()));
  CHECK(result);
  inputs.emplace_back("s");
  model.nodes = {node("QLinearConv", inputs, {"y"})};
  refused_node(model, ErrorCode::kModelUnsupported, "there are 10 inputs, the operator takes 9");
}

TEST_CASE("files cannot say what only inference knows", "[onnx][bad]") {
  const auto number = [](std::string_view name, std::int64_t value) { return attribute(name, value); };
  refused_node(
      model_of_unusual_nodes(node("MaxUnpool", {"x", "i"}, {"y"}, {attribute("places_shape", Dims{1, 1, 9})}),
                             {tensor<std::int64_t>("i", kInt64, {1, 1, 2}, {0, 1})}, {1, 1, 2}),
      ErrorCode::kModelUnsupported, "there is no attribute places_shape");
  refused_node(
      model_of_unusual_nodes(node("Einsum", {"x"}, {"y"}, {attribute("labels", Dims{7, 7, -1, 7})}), {}),
      ErrorCode::kModelUnsupported, "there is no attribute labels");
  refused_node(model_of_unusual_nodes(node("OneHot", {"x", "x", "x"}, {"y"}, {number("depth", -5)}), {}),
               ErrorCode::kModelUnsupported, "there is no attribute depth");
  const std::vector<Message> forged{number("num_mel_bins", 4), number("dft_length", 8),
                                    number("sample_rate", 8000)};
  ModelBytes scale =
      model_of_unusual_nodes(node("MelWeightMatrix", {"x", "x", "x", "x", "x"}, {"y"}, forged), {});
  scale.opset = 17;
  refused_node(scale, ErrorCode::kModelUnsupported, "there is no attribute num_mel_bins");
}

TEST_CASE("labels of an equation stand for one extent each", "[onnx][bad]") {
  const auto einsum = [](const std::vector<std::string>& inputs) {
    return model_of_unusual_nodes(node("Einsum", inputs, {"y"}, {attribute("equation", "i,i->i")}),
                                  {floats("none", {0}, {}), floats("three", {3}, {1, 2, 3})});
  };
  refused_node(einsum({"none", "three"}), ErrorCode::kModelUnsupported, "different extents");
  refused_node(einsum({"three", "none"}), ErrorCode::kModelUnsupported, "different extents");
}

TEST_CASE("folding counts the work of every operator", "[onnx][bad]") {
  const std::vector<float> row(4096, 1);
  ModelBytes sums = model_of_unusual_nodes(
      node("Einsum", {"k", "k", "k", "k"}, {"y"}, {attribute("equation", "a,b,c,d->")}),
      {floats("k", {4096}, row)});
  refused_node(sums, ErrorCode::kLimitExceeded, "operations");
  ModelBytes transform = model_of_unusual_nodes(node("DFT", {"k"}, {"y"}),
                                                {floats("k", {1, 300000, 1}, std::vector<float>(300000, 1))});
  transform.opset = 17;
  refused_node(transform, ErrorCode::kLimitExceeded, "operations");
}

}  // namespace fettle
