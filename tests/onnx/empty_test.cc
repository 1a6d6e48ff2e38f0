// SPDX-License-Identifier: Apache-2.0
//
// Tensors without elements: an extent of 0 is legal, and what operators make of it follows from their
// definitions. Right values by hand; numpy agrees where it has the function.
#include "tests/common/numbers.h"
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::alike;
using test::run_model;

using Floats = std::vector<float>;

// Inputs x (given) and none (without elements), one output y.
ModelBytes model_of_empty(std::vector<Message> nodes, const Dims& x, const Dims& none,
                          std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", x), value_info("none", none)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

test::Outputs run(const ModelBytes& model, const Floats& x) {
  return run_model(model, {test::bytes_of(x), test::Bytes{}});
}

// What one node makes of an input that has no elements.
test::Outputs of_none(const std::string& op, const Dims& none, std::vector<Message> attributes = {},
                      std::vector<Message> initialisers = {}, std::int64_t opset = 13) {
  ModelBytes model;
  std::vector<std::string> operands{"none"};
  const char* names[] = {"a", "b", "c"};
  for (std::size_t i = 0; i < initialisers.size(); ++i) operands.emplace_back(names[i]);
  model.opset = opset;
  model.nodes = {node(op, operands, {"y"}, attributes)};
  model.inputs = {value_info("none", none)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return run_model(model, std::vector<test::Bytes>{test::Bytes{}});
}

}  // namespace

TEST_CASE("an input may declare an extent of 0", "[onnx][empty]") {
  ModelBytes model =
      model_of_empty({node("Concat", {"x", "none"}, {"y"}, {attribute("axis", std::int64_t{0})})}, {2}, {0});
  CHECK(run(model, {1, 2}).values() == Floats{1, 2});
  const Model parsed = test::value_of(Model::parse(as_bytes(model.bytes()), "test"));
  CHECK(parsed.inputs()[1].shape == Shape{0});
  CHECK(parsed.layers().empty());
  // Some exporters write 0 where they know nothing: a shape that is given counts.
  ModelOptions options;
  options.shapes["none"] = Shape{1};
  CHECK(run_model(model, {test::bytes_of<float>({1, 2}), test::bytes_of<float>({3})}, options).values() ==
        Floats{1, 2, 3});
}

TEST_CASE("an input without elements may be an output, or be used by nothing", "[onnx][empty]") {
  ModelBytes model = model_of_empty({node("Neg", {"x"}, {"y"})}, {2}, {3, 0});
  model.outputs = {"y", "none"};
  const test::Outputs outputs = run(model, {1, 2});
  CHECK(outputs.values() == Floats{-1, -2});
  CHECK(outputs.shape(1) == Shape{3, 0});
  CHECK(outputs.bytes[1].empty());
}

TEST_CASE("pieces without elements vanish from a concatenation", "[onnx][empty]") {
  const Message join =
      node("Concat", {"none", "a", "none", "x"}, {"c"}, {attribute("axis", std::int64_t{1})});
  const ModelBytes model =
      model_of_empty({node("Add", {"x", "x"}, {"a"}), join, node("Neg", {"c"}, {"y"})}, {2, 1}, {2, 0});
  CHECK(run(model, {1, 2}).values() == Floats{-2, -1, -4, -2});
}

TEST_CASE("a split may give parts without elements", "[onnx][empty]") {
  ModelBytes model =
      model_of_empty({node("Split", {"x", "sizes"}, {"a", "b", "c"}), node("Add", {"a", "c"}, {"s"}),
                      node("Concat", {"b", "s"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                     {4}, {0}, {integers("sizes", {2, 0, 2})});
  model.outputs = {"y", "b"};
  const test::Outputs outputs = run(model, {1, 2, 3, 4});
  CHECK(outputs.values() == Floats{4, 6});
  CHECK(outputs.shape(1) == Shape{0});
  // And of nothing.
  ModelBytes nothing = model_of_empty(
      {node("Split", {"none"}, {"a", "y"}, {attribute("axis", std::int64_t{1})})}, {2}, {0, 4});
  CHECK(run(nothing, {1, 2}).shape() == Shape{0, 2});
}

TEST_CASE("reductions over nothing give their neutral element", "[onnx][empty]") {
  const auto reduced = [](const char* op) {
    const test::Outputs outputs =
        of_none(op, {2, 0}, {attribute("axes", Dims{1}), attribute("keepdims", std::int64_t{0})}, {}, 11);
    CHECK(outputs.shape() == Shape{2});
    return outputs.values();
  };
  for (const char* op : {"ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare"})
    CHECK(reduced(op) == Floats{0, 0});
  CHECK(reduced("ReduceProd") == Floats{1, 1});
  CHECK(reduced("ReduceMax") == Floats{-test::kInfinity, -test::kInfinity});
  CHECK(reduced("ReduceMin") == Floats{test::kInfinity, test::kInfinity});
  CHECK(reduced("ReduceLogSum") == Floats{-test::kInfinity, -test::kInfinity});
  CHECK(reduced("ReduceLogSumExp") == Floats{-test::kInfinity, -test::kInfinity});
  CHECK(alike(reduced("ReduceMean"), {test::kNan, test::kNan}));
  // The other axis is left without elements.
  CHECK(of_none("ReduceMax", {2, 0}, {attribute("axes", Dims{0})}, {}, 11).shape() == Shape{1, 0});
}

TEST_CASE("integers have the ends of their type as largest and smallest of nothing", "[onnx][empty]") {
  const auto reduced = [](const char* op) {
    ModelBytes model;
    model.opset = 12;
    model.nodes = {node(op, {"none"}, {"y"}, {attribute("keepdims", std::int64_t{0})})};
    model.inputs = {value_info("none", {0}, 6)};
    model.outputs = {"y"};
    return run_model(model, std::vector<test::Bytes>{test::Bytes{}}).values<std::int32_t>();
  };
  CHECK(reduced("ReduceMax") == std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min()});
  CHECK(reduced("ReduceMin") == std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::max()});
  CHECK(reduced("ReduceSum") == std::vector<std::int32_t>{0});
  CHECK(reduced("ReduceProd") == std::vector<std::int32_t>{1});
  CHECK(reduced("ReduceMean") == std::vector<std::int32_t>{0});
}

TEST_CASE("there is no largest of nothing to be named", "[onnx][empty][bad]") {
  ModelBytes model =
      model_of_empty({node("ArgMax", {"none"}, {"y"}, {attribute("axis", std::int64_t{1})})}, {2}, {2, 0});
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  test::error_of(result, ErrorCode::kModelUnsupported, "the axis has no elements");
}

TEST_CASE("products over nothing are zeros", "[onnx][empty]") {
  const test::Outputs product = of_none("MatMul", {2, 0}, {}, {floats("a", {0, 3}, {})});
  CHECK(product.shape() == Shape{2, 3});
  CHECK(product.values() == Floats(6, 0));
  CHECK(of_none("MatMul", {0, 4}, {}, {floats("a", {4, 3}, Floats(12, 1))}).shape() == Shape{0, 3});
  CHECK(of_none("MatMul", {0}, {}, {floats("a", {0}, {})}).values() == Floats{0});
  // A dense layer is left with its C, which comes at run time.
  ModelBytes dense = model_of_empty(
      {node("Gemm", {"none", "b", "x"}, {"g"}, {attribute("beta", 2.0f)}), node("Relu", {"g"}, {"y"})}, {3},
      {2, 0}, {floats("b", {0, 3}, {})});
  CHECK(run(dense, {1, -2, 3}).values() == Floats{2, 0, 6, 2, 0, 6});
  ModelBytes sums =
      model_of_empty({node("Einsum", {"none", "x"}, {"y"}, {attribute("equation", "i,j->j")})}, {3}, {0});
  CHECK(run(sums, {1, 2, 3}).values() == Floats{0, 0, 0});
}

TEST_CASE("a convolution of padding alone gives its bias", "[onnx][empty]") {
  const std::vector<Message> window{attribute("pads", Dims{1, 1, 1, 1}),
                                    attribute("kernel_shape", Dims{1, 1})};
  ModelBytes constant =
      model_of_empty({node("Conv", {"none", "w", "b"}, {"c"}, window), node("Add", {"c", "x"}, {"y"})}, {1},
                     {1, 1, 0, 0}, {floats("w", {2, 1, 1, 1}, {3, 4}), floats("b", {2}, {5, 6})});
  CHECK(run(constant, {1}).values() == Floats{6, 6, 6, 6, 7, 7, 7, 7});
  // With weights that come at run time it is a layer.
  ModelBytes computed = constant;
  computed.nodes = {node("Conv", {"none", "x", "b"}, {"y"}, window)};
  computed.inputs[0] = value_info("x", {2, 1, 1, 1});
  CHECK(run(computed, {3, 4}).values() == Floats{5, 5, 5, 5, 6, 6, 6, 6});
  computed.nodes = {node("ConvTranspose", {"none", "x", "b"}, {"y"}, {attribute("strides", Dims{1, 1})})};
  computed.inputs = {value_info("x", {1, 2, 2, 2}), value_info("none", {0, 1, 3, 3})};
  CHECK(run(computed, Floats(8, 1)).shape() == Shape{0, 2, 4, 4});
}

TEST_CASE("a batch without pictures goes through a network", "[onnx][empty]") {
  ModelBytes model = model_of_empty(
      {node("Conv", {"none", "w"}, {"a"}, {attribute("pads", Dims{1, 1, 1, 1})}),
       node("BatchNormalization", {"a", "s", "b", "b", "s"}, {"n"}), node("Relu", {"n"}, {"r"}),
       node("MaxPool", {"r"}, {"m"}, {attribute("kernel_shape", Dims{2, 2})}),
       node("GlobalAveragePool", {"m"}, {"p"}), node("Flatten", {"p"}, {"f"}),
       node("Gemm", {"f", "g"}, {"d"}), node("Softmax", {"d"}, {"y"})},
      {1}, {0, 3, 8, 8},
      {floats("w", {4, 3, 3, 3}, Floats(108, 1)), floats("s", {4}, {1, 1, 1, 1}),
       floats("b", {4}, {0, 0, 0, 0}), floats("g", {4, 5}, Floats(20, 1))});
  const test::Outputs outputs = run(model, {1});
  CHECK(outputs.shape() == Shape{0, 5});
  CHECK(outputs.bytes[0].empty());
}

TEST_CASE("functions, arithmetic and normalisations of nothing are nothing", "[onnx][empty]") {
  for (const char* op : {"Relu", "Sigmoid", "Exp", "Softmax", "LogSoftmax", "Hardmax", "IsNaN", "Abs"})
    CHECK(of_none(op, {2, 0}).shape() == Shape{2, 0});
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Pow", "Less", "Equal", "PRelu"})
    CHECK(of_none(op, {2, 0}, {}, {floats("a", {1}, {1})}).shape() == Shape{2, 0});
  CHECK(of_none("Add", {0}, {}, {floats("a", {3, 1}, {1, 2, 3})}).shape() == Shape{3, 0});
  CHECK(of_none("LayerNormalization", {0, 2}, {}, {floats("a", {2}, {1, 1})}, 17).shape() == Shape{0, 2});
  CHECK(of_none("LayerNormalization", {2, 0}, {}, {floats("a", {0}, {})}, 17).shape() == Shape{2, 0});
  CHECK(of_none("InstanceNormalization", {0, 2, 3}, {}, {floats("a", {2}, {1, 1}), floats("b", {2}, {0, 0})})
            .shape() == Shape{0, 2, 3});
  CHECK(of_none("LRN", {1, 0, 2, 2}, {attribute("size", std::int64_t{3})}).shape() == Shape{1, 0, 2, 2});
  CHECK(of_none("CumSum", {0}, {}, {tensor<std::int64_t>("a", kInt64, {}, {0})}).shape() == Shape{0});
  CHECK(of_none("Clip", {0}, {}, {floats("a", {}, {0}), floats("b", {}, {1})}).shape() == Shape{0});
}

TEST_CASE("nothing is reshaped, turned, cut and padded", "[onnx][empty]") {
  CHECK(of_none("Reshape", {0, 3}, {}, {integers("a", {0, 5})}).shape() == Shape{0, 5});
  CHECK(of_none("Reshape", {0, 3}, {}, {integers("a", {0, -1})}).shape() == Shape{0, 3});
  CHECK(of_none("Reshape", {0, 3}, {attribute("allowzero", std::int64_t{1})}, {integers("a", {3, 0})}, 14)
            .shape() == Shape{3, 0});
  CHECK(of_none("Reshape", {0, 3}, {}, {integers("a", {4, -1})}).shape() == Shape{4, 0});
  CHECK(of_none("Flatten", {0, 3, 2}).shape() == Shape{0, 6});
  CHECK(of_none("Squeeze", {1, 0}, {}, {integers("a", {0})}).shape() == Shape{0});
  CHECK(of_none("Unsqueeze", {0}, {}, {integers("a", {0})}).shape() == Shape{1, 0});
  CHECK(of_none("Transpose", {0, 3}).shape() == Shape{3, 0});
  CHECK(of_none("Tile", {0, 3}, {}, {integers("a", {2, 2})}).shape() == Shape{0, 6});
  CHECK(of_none("Expand", {0, 1}, {}, {integers("a", {0, 4})}).shape() == Shape{0, 4});
  CHECK(of_none("Slice", {0, 3}, {}, {integers("a", {0, 1}), integers("b", {9, 9})}).shape() == Shape{0, 2});
  CHECK(of_none("Slice", {0}, {}, {integers("a", {-1}), integers("b", {-9}), integers("c", {0})}).shape() ==
        Shape{0});
  CHECK(of_none("Pad", {0, 2}, {}, {integers("a", {1, 0, 0, 1})}).values() == Floats{0, 0, 0});
  CHECK(of_none("Pad", {0, 2}, {attribute("mode", "edge")}, {integers("a", {0, 1, 0, 0})}).shape() ==
        Shape{0, 3});
  CHECK(of_none("Cast", {0}, {attribute("to", std::int64_t{7})}).infos[0].type == DataType::s64);
  CHECK(of_none("DepthToSpace", {0, 4, 2, 2}, {attribute("blocksize", std::int64_t{2})}).shape() ==
        Shape{0, 1, 4, 4});
  ModelBytes cut = model_of_empty({node("Slice", {"x", "from", "to"}, {"s"}),
                                   node("Concat", {"s", "x"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                                  {2}, {0}, {integers("from", {1}), integers("to", {1})});
  CHECK(run(cut, {1, 2}).values() == Floats{1, 2});
}

TEST_CASE("shape and size of nothing are numbers", "[onnx][empty]") {
  CHECK(of_none("Shape", {2, 0}).values<std::int64_t>() == std::vector<std::int64_t>{2, 0});
  CHECK(of_none("Size", {2, 0}).values<std::int64_t>() == std::vector<std::int64_t>{0});
  ModelBytes scalar_shape = model_of_empty(
      {node("Shape", {"x"}, {"s"}), node("ConstantOfShape", {"s"}, {"f"}), node("Add", {"f", "x"}, {"y"})},
      {}, {0});
  CHECK(run(scalar_shape, {3}).values() == Floats{3});
}

TEST_CASE("no indices gather and scatter nothing", "[onnx][empty]") {
  const Message no_index = tensor<std::int64_t>("i", kInt64, {0}, {});
  ModelBytes gathered =
      model_of_empty({node("Gather", {"x", "i"}, {"g"}),
                      node("Concat", {"g", "x"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                     {2, 1}, {0}, {no_index});
  CHECK(run(gathered, {1, 2}).values() == Floats{1, 2});
  ModelBytes scattered =
      model_of_empty({node("ScatterElements", {"x", "i", "none"}, {"y"})}, {2}, {0}, {no_index});
  CHECK(run(scattered, {1, 2}).values() == Floats{1, 2});
  ModelBytes rows = model_of_empty({node("ScatterND", {"x", "i", "none"}, {"y"})}, {2, 2}, {0, 2},
                                   {tensor<std::int64_t>("i", kInt64, {0, 1}, {})});
  CHECK(run(rows, {1, 2, 3, 4}).values() == Floats{1, 2, 3, 4});
  CHECK(of_none("GatherND", {0, 3}, {}, {tensor<std::int64_t>("a", kInt64, {0, 1}, {})}).shape() ==
        Shape{0, 3});
  CHECK(of_none("GatherElements", {0, 3}, {}, {tensor<std::int64_t>("a", kInt64, {0, 3}, {})}).shape() ==
        Shape{0, 3});
}

TEST_CASE("indices into nothing are refused", "[onnx][empty][bad]") {
  const auto refused = [](const char* op, const Dims& none, const Dims& indices) {
    ModelBytes model = model_of_empty({node(op, {"none", "i"}, {"y"})}, {1}, none);
    model.inputs.push_back(value_info("i", indices, kInt64));
    test::error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelUnsupported,
                   "no elements that they could name");
  };
  refused("Gather", {0, 2}, {3});
  refused("GatherND", {0, 2}, {3, 1});
  refused("GatherElements", {0}, {3});
}

TEST_CASE("nothing is chosen from nothing", "[onnx][empty]") {
  CHECK(of_none("NonZero", {2, 0}).shape() == Shape{2, 0});
  CHECK(of_none("Unique", {0}, {}, {}, 11).shape() == Shape{0});
  CHECK(of_none("TopK", {2, 0}, {}, {integers("a", {0})}).shape() == Shape{2, 0});
  CHECK(of_none("Compress", {0}, {}, {tensor<std::uint8_t>("a", 9, {0}, {})}).shape() == Shape{0});
  // No boxes, thresholds that come at run time.
  ModelBytes boxes = model_of_empty({node("NonMaxSuppression", {"none", "scores", "most", "x"}, {"y"})}, {1},
                                    {1, 0, 4}, {floats("scores", {1, 2, 0}, {}), integers("most", {3})});
  CHECK(run(boxes, {0.5f}).shape() == Shape{0, 3});
  // None of what is there.
  ModelBytes top = model_of_empty({node("TopK", {"x", "k"}, {"v", "i"}),
                                   node("Concat", {"v", "x"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                                  {2}, {0}, {integers("k", {0})});
  CHECK(run(top, {1, 2}).values() == Floats{1, 2});
}

TEST_CASE("a recurrence over no steps keeps its state", "[onnx][empty]") {
  ModelBytes model = model_of_empty(
      {node("RNN", {"none", "w", "r", "", "", "x"}, {"all", "y"},
            {attribute("hidden_size", std::int64_t{2})})},
      {1, 1, 2}, {0, 1, 3}, {floats("w", {1, 2, 3}, Floats(6, 1)), floats("r", {1, 2, 2}, Floats(4, 1))});
  model.outputs = {"y", "all"};
  const test::Outputs outputs = run(model, {3, 4});
  CHECK(outputs.values() == Floats{3, 4});
  CHECK(outputs.shape(1) == Shape{0, 1, 1, 2});
}

TEST_CASE("quantising nothing gives nothing", "[onnx][empty]") {
  const std::vector<Message> parameters{floats("a", {}, {0.5f}), tensor<std::uint8_t>("b", 2, {}, {3})};
  CHECK(of_none("QuantizeLinear", {0, 2}, {}, parameters).shape() == Shape{0, 2});
}

TEST_CASE("extents of 0 beside huge ones are no sensible shape", "[onnx][empty][bad]") {
  ModelBytes model =
      model_of_empty({node("Neg", {"x"}, {"y"})}, {2}, {0, std::int64_t{1} << 40, std::int64_t{1} << 40});
  test::error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelInvalid, "impossible shape");
}

}  // namespace fettle
