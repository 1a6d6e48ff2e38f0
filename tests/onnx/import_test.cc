// SPDX-License-Identifier: Apache-2.0
//
// Import of files made by hand: what is accepted, and every kind of bad input.
#include "tests/onnx/model_bytes.h"
#include "tests/onnx/run_model.h"

#include <fettle/model.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

ModelBytes one_node(Message entry, const Dims& input = {1, 2, 4, 4}) {
  ModelBytes model;
  model.nodes = {std::move(entry)};
  model.inputs = {value_info("x", input)};
  model.outputs = {"y"};
  return model;
}

Model accepted(const ModelBytes& model) {
  Result<Model> result = test::parse(model);
  INFO((result ? "" : result.error().text()));
  REQUIRE(result);
  return *result;
}

Error refused(const ModelBytes& model, ErrorCode code, const ModelOptions& options = {}) {
  const Result<Model> result = test::parse(model, options);
  REQUIRE_FALSE(result);
  INFO(result.error().text());
  CHECK(result.error().code() == code);
  return result.error();
}

bool mentions(const Error& error, std::string_view text) {
  return error.text().find(text) != std::string::npos;
}

std::string ops(const Model& model) {
  std::string text;
  for (const LayerInfo& layer : model.layers())
    text += (text.empty() ? "" : " ") + std::string(to_string(layer.desc.main().op));
  return text;
}

ModelBytes small_convolution() {
  ModelBytes model = one_node(node("Conv", {"x", "w", "b"}, {"c"},
                                   {attribute("auto_pad", "SAME_UPPER"), attribute("strides", Dims{2, 2})}));
  model.nodes.push_back(node("Relu", {"c"}, {"y"}));
  model.initialisers = {floats("w", {3, 2, 3, 3}, std::vector<float>(54, 0.5f)), floats("b", {3}, {1, 2, 3})};
  return model;
}

TEST_CASE("a convolution is imported with its padding resolved and its clamp fused", "[onnx]") {
  const Model model = accepted(small_convolution());
  REQUIRE(ops(model) == "conv");
  const LayerInfo& layer = model.layers()[0];
  CHECK(layer.id == "c");  // named by its output, because the node has no name
  CHECK(std::ranges::equal(layer.desc.main().attributes.integers("pads"), Dims{0, 0, 1, 1}));
  CHECK(layer.desc.main().clamp == Clamp{0, std::numeric_limits<float>::infinity()});
  CHECK(layer.desc.outputs[0].shape == Shape{1, 3, 2, 2});
  CHECK(layer.macs == 3 * 2 * 2 * 2 * 9);
  CHECK(model.outputs()[0].name == "y");
  CHECK(model.imported_nodes() == 2);
}

TEST_CASE("hashes tell structure from weights", "[onnx]") {
  ModelBytes bytes = small_convolution();
  const Model first = accepted(bytes);
  bytes.initialisers[1] = floats("b", {3}, {1, 2, 4});
  const Model other_weights = accepted(bytes);
  CHECK(first.graph_hash() == other_weights.graph_hash());
  // Plans name their model by it: another hash for the same structure would strand them.
  CHECK(first.graph_hash() == "xxh3:0e2db6e61ee9c7b3c7e97bbe51883892");
  CHECK(first.weights_hash() != other_weights.weights_hash());
  bytes.nodes[0] = node("Conv", {"x", "w", "b"}, {"c"},
                        {attribute("auto_pad", "SAME_LOWER"), attribute("strides", Dims{2, 2})});
  CHECK(accepted(bytes).graph_hash() != first.graph_hash());
}

TEST_CASE("initialisers come as raw bytes or as typed fields", "[onnx]") {
  ModelBytes model = one_node(node("Add", {"x", "k"}, {"y"}), {2});
  model.initialisers = {Message().integer(1, 2).integer(2, kFloat).text(8, "k").real(4, 1).real(4, 2)};
  CHECK(ops(accepted(model)) == "add");
  CHECK(accepted(model).constant_bytes() == 8);
  model.initialisers = {floats("k", {2}, {1, 2})};
  CHECK(accepted(model).constant_bytes() == 8);
}

TEST_CASE("bounds of Clip come as attributes or as inputs", "[onnx]") {
  ModelBytes old = one_node(node("Clip", {"x"}, {"y"}, {attribute("min", 0.0f), attribute("max", 6.0f)}));
  old.opset = 7;
  ModelBytes recent = one_node(node("Clip", {"x", "low", "high"}, {"y"}));
  recent.initialisers = {floats("low", {}, {0}), floats("high", {}, {6})};
  for (const ModelBytes& bytes : {old, recent}) {
    const Model model = accepted(bytes);
    REQUIRE(ops(model) == "clamp");
    CHECK(model.layers()[0].desc.main().attributes.real("min") == 0);
    CHECK(model.layers()[0].desc.main().attributes.real("max") == 6);
  }
}

TEST_CASE("axes and bounds come as attributes or as inputs", "[onnx]") {
  ModelBytes old =
      one_node(node("Slice", {"x"}, {"y"},
                    {attribute("starts", Dims{1}), attribute("ends", Dims{3}), attribute("axes", Dims{2})}));
  old.opset = 9;
  ModelBytes recent = one_node(node("Slice", {"x", "starts", "ends", "axes"}, {"y"}));
  recent.initialisers = {integers("starts", {1}), integers("ends", {3}), integers("axes", {-2})};
  for (const ModelBytes& bytes : {old, recent}) {
    const Model model = accepted(bytes);
    CHECK(ops(model) == "slice");
    CHECK(model.outputs()[0].shape == Shape{1, 2, 2, 4});
  }
  ModelBytes squeeze = one_node(node("Squeeze", {"x", "axes"}, {"y"}), {1, 3, 1});
  squeeze.initialisers = {integers("axes", {0, 2})};
  CHECK(accepted(squeeze).outputs()[0].shape == Shape{3});
}

TEST_CASE("Softmax before opset 13 works on a matrix", "[onnx]") {
  ModelBytes model = one_node(node("Softmax", {"x"}, {"y"}, {attribute("axis", std::int64_t{1})}));
  model.opset = 11;
  const Model imported = accepted(model);
  CHECK(ops(imported) == "reshape softmax reshape");
  CHECK(imported.layers()[1].desc.inputs[0].shape == Shape{1, 32});
  CHECK(imported.outputs()[0].shape == Shape{1, 2, 4, 4});
  model.opset = 13;
  CHECK(ops(accepted(model)) == "softmax");
}

TEST_CASE("arithmetic on shapes is folded away", "[onnx]") {
  ModelBytes model;
  model.inputs = {value_info("x", {2, 3, 4})};
  model.outputs = {"y"};
  model.initialisers = {integers("zero", {0}), integers("rest", {-1})};
  model.nodes = {node("Shape", {"x"}, {"s"}),
                 node("Gather", {"s", "zero"}, {"n"}, {attribute("axis", std::int64_t{0})}),
                 node("Concat", {"n", "rest"}, {"target"}, {attribute("axis", std::int64_t{0})}),
                 node("Reshape", {"x", "target"}, {"y"})};
  const Model imported = accepted(model);
  CHECK(ops(imported) == "reshape");
  CHECK(imported.outputs()[0].shape == Shape{2, 12});
}

TEST_CASE("identifiers are unique and never empty", "[onnx]") {
  ModelBytes model = one_node(node("Sigmoid", {"x"}, {"a"}, {}, "same"));
  model.nodes.push_back(node("Tanh", {"a"}, {"b"}, {}, "same"));
  model.nodes.push_back(node("Exp", {"b"}, {"y"}));
  const Model imported = accepted(model);
  REQUIRE(imported.layers().size() == 3);
  CHECK(imported.layers()[0].id == "same");
  CHECK(imported.layers()[1].id == "same_2");
  CHECK(imported.layers()[2].id == "y");
}

TEST_CASE("identifiers are short enough for plans", "[onnx]") {
  const std::string name(100'000, static_cast<char>(0xff));  // no UTF-8 either: each byte becomes three
  const Model imported = accepted(one_node(node("Sigmoid", {"x"}, {"y"}, {}, name)));
  CHECK(imported.layers()[0].id.size() <= 4096);
}

TEST_CASE("every node that cannot run is listed", "[onnx][bad]") {
  ModelBytes model = one_node(node("TfIdfVectorizer", {"x"}, {"a"}, {}, "first"));
  model.nodes.push_back(node("Magic", {"a"}, {"b"}, {}, "second", "com.example"));
  model.nodes.push_back(node("Relu", {"b"}, {"y"}, {}, "third"));
  const Error error = refused(model, ErrorCode::kModelUnsupported);
  CHECK(mentions(error, "first (TfIdfVectorizer)"));
  CHECK(mentions(error, "second (Magic)"));
  CHECK(mentions(error, "com.example"));
  CHECK_FALSE(mentions(error, "third"));
}

TEST_CASE("files that are no model are refused", "[onnx][bad]") {
  const auto code = [](const std::string& bytes) {
    const Result<Model> result = Model::parse(as_bytes(bytes), "test");
    REQUIRE_FALSE(result);
    CHECK_FALSE(result.error().hint().empty());
    return result.error().code();
  };
  CHECK(code("") == ErrorCode::kModelMalformed);
  CHECK(code("this is a text file, not a network") == ErrorCode::kModelMalformed);
  const std::string whole = small_convolution().bytes();
  CHECK(code(whole.substr(0, whole.size() / 2)) == ErrorCode::kModelMalformed);
  const Result<Model> missing = Model::load("/nowhere/at/all.onnx");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ErrorCode::kFileNotFound);
}

TEST_CASE("format versions without opsets are refused", "[onnx][bad]") {
  ModelBytes model = small_convolution();
  model.ir_version = 2;
  refused(model, ErrorCode::kModelUnsupported);
  model.ir_version = 0;
  refused(model, ErrorCode::kModelMalformed);
}

TEST_CASE("damaged initialisers are refused by name", "[onnx][bad]") {
  const auto with = [](Message initialiser) {
    ModelBytes model = small_convolution();
    model.initialisers[0] = std::move(initialiser);
    return model;
  };
  CHECK(mentions(refused(with(floats("w", {3, 2, 3, 3}, {1, 2})), ErrorCode::kModelMalformed), "w"));
  refused(with(floats("w", {3, -2, 3, 3}, {})), ErrorCode::kModelMalformed);
  refused(with(floats("w", {std::int64_t{1} << 40, std::int64_t{1} << 40}, {})), ErrorCode::kModelMalformed);
  refused(with(Message().integer(1, 1 << 30).integer(2, kFloat).text(8, "w").real(4, 1)),
          ErrorCode::kModelMalformed);
  CHECK(mentions(refused(with(Message().integer(1, 1).integer(2, kFloat).text(8, "w").integer(14, 1)),
                         ErrorCode::kModelUnsupported),
                 "another file"));
}

TEST_CASE("graphs whose names lead nowhere are refused", "[onnx][bad]") {
  refused(one_node(node("Relu", {"unknown"}, {"y"})), ErrorCode::kModelInvalid);
  refused(one_node(node("Relu", {"x"}, {"other"})), ErrorCode::kModelInvalid);
  refused(one_node(node("Relu", {"x"}, {"x"})), ErrorCode::kModelInvalid);
  refused(one_node(node("Relu", {}, {"y"})), ErrorCode::kModelInvalid);
  refused(one_node(node("Relu", {"x"}, {})), ErrorCode::kModelInvalid);
  refused(one_node(node("Relu", {"y"}, {"y"})), ErrorCode::kModelInvalid);
}

TEST_CASE("outputs that an operator does not have are refused where they are used", "[onnx][bad]") {
  const Error error = refused(one_node(node("Sigmoid", {"x"}, {"other", "y"})), ErrorCode::kModelUnsupported);
  CHECK(mentions(error, "output 1"));
  CHECK(ops(accepted(one_node(node("Sigmoid", {"x"}, {"y", "other"})))) == "sigmoid");
}

TEST_CASE("shapes that do not fit are refused", "[onnx][bad]") {
  ModelBytes model = small_convolution();
  model.inputs = {value_info("x", {1, 5, 4, 4})};
  CHECK(mentions(refused(model, ErrorCode::kModelUnsupported), "c (Conv)"));
  refused(one_node(node("Transpose", {"x"}, {"y"}, {attribute("perm", Dims{0, 0, 1, 9})})),
          ErrorCode::kModelUnsupported);
  refused(one_node(node("Concat", {"x"}, {"y"}, {attribute("axis", std::int64_t{12})})),
          ErrorCode::kModelUnsupported);
  refused(one_node(node("MaxPool", {"x"}, {"y"}, {attribute("kernel_shape", Dims{0, 3})})),
          ErrorCode::kModelUnsupported);
  refused(one_node(node("MaxPool", {"x"}, {"y"}, {attribute("kernel_shape", Dims{9, 9})})),
          ErrorCode::kModelUnsupported);
}

TEST_CASE("attributes that are none of the words are refused with these", "[onnx][bad]") {
  const auto pad = [](const char* word) {
    return one_node(
        node("MaxPool", {"x"}, {"y"}, {attribute("kernel_shape", Dims{2, 2}), attribute("auto_pad", word)}));
  };
  accepted(pad("SAME_LOWER"));
  const Error error = refused(pad("SAME"), ErrorCode::kModelUnsupported);
  CHECK(
      mentions(error, "(MaxPool): attribute auto_pad is SAME, not NOTSET, VALID, SAME_UPPER or SAME_LOWER"));
  CHECK_FALSE(mentions(refused(pad(std::string(500, 'a').c_str()), ErrorCode::kModelUnsupported),
                       std::string(50, 'a')));
}

TEST_CASE("free dimensions need a shape", "[onnx][bad]") {
  ModelBytes model = one_node(node("Sigmoid", {"x"}, {"y"}), {3, -1});
  const Error error = refused(model, ErrorCode::kWrongShape);
  CHECK(mentions(error, "x (input): dimension 1 (n) is free"));
  CHECK(mentions(error, "--shape x=3xN"));
  ModelOptions options;
  options.shapes["x"] = Shape{3, 4};
  const Result<Model> fixed = test::parse(model, options);
  REQUIRE(fixed);
  CHECK(fixed->outputs()[0].shape == Shape{3, 4});
  options.shapes["x"] = Shape{5, 4};
  refused(model, ErrorCode::kWrongShape, options);
  options.shapes = {{"x", Shape{3, 4}}, {"z", Shape{1}}};
  refused(model, ErrorCode::kUnknownName, options);
}

TEST_CASE("a free batch is one until a shape is given", "[onnx]") {
  const ModelBytes model = one_node(node("Sigmoid", {"x"}, {"y"}), {-1, 3});
  const Result<Model> one = test::parse(model);
  REQUIRE(one);
  CHECK(one->outputs()[0].shape == Shape{1, 3});
  REQUIRE(one->notes().size() == 1);
  CHECK(one->notes()[0] == "input x: dimension 0 (n) is free, and taken as 1");
  const Result<Model> four = one->with_shapes({{"x", Shape{4, 3}}});
  REQUIRE(four);
  CHECK(four->outputs()[0].shape == Shape{4, 3});
  CHECK(four->notes().empty());
}

TEST_CASE("limits are kept", "[onnx][bad]") {
  ModelOptions options;
  options.limits.nodes = 1;
  refused(small_convolution(), ErrorCode::kLimitExceeded, options);
  options.limits = {};
  options.limits.file_bytes = 10;
  refused(small_convolution(), ErrorCode::kLimitExceeded, options);
  ModelBytes huge;
  huge.initialisers = {integers("s", {1 << 20, 1 << 12})};
  huge.nodes = {node("ConstantOfShape", {"s"}, {"c"}), node("Add", {"x", "c"}, {"y"})};
  huge.inputs = {value_info("x", {1})};
  huge.outputs = {"y"};
  options.limits = {};
  const Result<Model> result = test::parse(huge, options);
  REQUIRE_FALSE(result);
}

TEST_CASE("a run of more operations than the limit is refused, naming the layer that costs most",
          "[onnx][bad]") {
  // 8 results of 4 channels and 3 x 3 taps, which with their operands make 424; the function adds 16.
  ModelBytes model;
  model.initialisers = {floats("w", {2, 4, 3, 3}, std::vector<float>(72, 0.5f))};
  model.nodes = {node("Conv", {"x", "w"}, {"c"}, {}, "large"), node("Sigmoid", {"c"}, {"y"}, {}, "small")};
  model.inputs = {value_info("x", {1, 4, 4, 4})};
  model.outputs = {"y"};
  ModelOptions options;
  options.limits.run_operations = 430;
  const Result<Model> result = test::parse(model, options);
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::kLimitExceeded);
  CHECK(mentions(result.error(), "large (Conv)"));
  CHECK(mentions(result.error(), "430"));
  CHECK(mentions(result.error(), "ModelLimits::run_operations"));
  options.limits.run_operations = 1000;
  const Result<Model> allowed = test::parse(model, options);
  REQUIRE(allowed);
  CHECK(allowed->layers()[0].operations == 64 + 72 + 8 * 36);
  CHECK(allowed->layers()[1].operations == 16);
}

TEST_CASE("another input shape is held to the limit of operations too", "[onnx][bad]") {
  ModelOptions options;
  options.limits.run_operations = 1000;
  options.shapes["x"] = Shape{10};
  const Result<Model> model = test::parse(one_node(node("Sigmoid", {"x"}, {"y"}), {-1}), options);
  REQUIRE(model);
  const Result<Model> larger = model->with_shapes({{"x", Shape{501}}});
  REQUIRE_FALSE(larger);
  CHECK(larger.error().code() == ErrorCode::kLimitExceeded);
  CHECK(model->with_shapes({{"x", Shape{500}}}));
}

TEST_CASE("operands and attributes count too", "[onnx][bad]") {
  ModelBytes sum = one_node(node("Sum", std::vector<std::string>(40, "x"), {"y"}), {2});
  ModelOptions options;
  options.limits.nodes = 39;
  refused(sum, ErrorCode::kLimitExceeded, options);
  std::vector<Message> attributes;
  for (int i = 0; i < 1000; ++i) attributes.push_back(attribute("a" + std::to_string(i), std::int64_t{i}));
  refused(one_node(node("Sigmoid", {"x"}, {"y"}, attributes)), ErrorCode::kModelInvalid);
}

TEST_CASE("deep graphs need no deep stack", "[onnx]") {
  ModelBytes model = one_node(node("Sigmoid", {"x"}, {"v0"}), {2});
  for (int i = 0; i < 2000; ++i)
    model.nodes.push_back(node("Sigmoid", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)}));
  model.outputs = {"v2000"};
  CHECK(accepted(model).layers().size() == 2001);
}

TEST_CASE("a name that all nodes share takes no longer", "[onnx][bad]") {
  ModelBytes model = one_node(node("Sigmoid", {"x"}, {"y"}, {}, "same"), {2});
  for (int i = 0; i < 50'000; ++i)
    model.nodes.push_back(node("Sigmoid", {"x"}, {"v" + std::to_string(i)}, {}, "same"));
  model.outputs = {"v49999"};
  CHECK(accepted(model).layers()[0].id == "same_50001");
}

TEST_CASE("truncated and damaged files never crash", "[onnx][bad]") {
  ModelBytes model = small_convolution();
  model.nodes[1] = node("Relu", {"c"}, {"d"});
  model.nodes.push_back(node("Slice", {"d", "starts", "ends", "axes"}, {"e"}));
  model.nodes.push_back(node("Reshape", {"e", "target"}, {"f"}));
  model.nodes.push_back(node("Softmax", {"f"}, {"y"}, {attribute("axis", std::int64_t{-1})}));
  model.initialisers.push_back(integers("starts", {0}));
  model.initialisers.push_back(integers("ends", {1}));
  model.initialisers.push_back(integers("axes", {3}));
  model.initialisers.push_back(integers("target", {1, -1}));
  const std::string whole = model.bytes();
  accepted(model);
  ModelOptions options;
  options.limits.tensor_elements = 1 << 20;
  options.limits.folded_bytes = 1 << 22;
  int refusals = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (!Model::parse(as_bytes(whole.substr(0, length)), "cut", options)) ++refusals;
  }
  CHECK(refusals > static_cast<int>(whole.size()) / 2);
  std::uint32_t random = 12345;
  const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 8; };
  refusals = 0;
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

}  // namespace
}  // namespace fettle
