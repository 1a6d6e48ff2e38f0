// SPDX-License-Identifier: Apache-2.0
//
// Attributes of text: the words that each opset's document lists are read, all others refused by name.
#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"

#include <fettle/model.h>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

// What a file of that opset with one node says of itself; empty where it loads.
std::string said_of(const char* op, std::int64_t opset, const Message& attribute) {
  ModelBytes model;
  model.opset = opset;
  model.nodes = {node(op, std::vector<std::string>(8, "x"), {"y"}, {attribute}, "it")};
  model.inputs = {value_info("x", {1, 1, 2, 2})};
  model.outputs = {"y"};
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  if (!result) CHECK(result.error().code() == ErrorCode::kModelUnsupported);
  return result ? std::string() : result.error().text();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// By ONNX's document: which words an attribute may have from which opset on.
struct Words {
  std::vector<const char*> ops;
  const char* attribute;
  std::int64_t opset;
  std::vector<const char*> words;
};

const std::vector<Words> kWords{
    {{"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"},
     "auto_pad",
     1,
     {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}},
    {{"QLinearConv", "ConvInteger"}, "auto_pad", 10, {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}},
    {{"Upsample"}, "mode", 1, {"nearest", "linear", "bilinear"}},
    {{"Resize"}, "mode", 10, {"nearest", "linear"}},
    {{"Resize"}, "mode", 11, {"nearest", "linear", "cubic"}},
    {{"Resize"},
     "coordinate_transformation_mode",
     11,
     {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
      "tf_crop_and_resize"}},
    {{"Resize"}, "nearest_mode", 11, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
    {{"Pad"}, "mode", 1, {"constant", "reflect", "edge"}},
    {{"DepthToSpace"}, "mode", 11, {"DCR", "CRD"}},
    {{"GridSample"}, "mode", 16, {"bilinear", "nearest", "bicubic"}},
    {{"GridSample"}, "padding_mode", 16, {"zeros", "border", "reflection"}},
    {{"RoiAlign"}, "mode", 10, {"avg", "max"}},
    {{"RoiAlign"}, "coordinate_transformation_mode", 16, {"half_pixel", "output_half_pixel"}},
    {{"BitShift"}, "direction", 11, {"LEFT", "RIGHT"}},
    {{"ScatterElements", "ScatterND"}, "reduction", 16, {"none", "add", "mul"}},
    {{"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}, "reduction", 12, {"none", "mean", "sum"}},
    {{"LSTM", "GRU", "RNN"}, "direction", 1, {"forward", "reverse", "bidirectional"}},
};

}  // namespace

TEST_CASE("every word of the document is read, and every other refused", "[onnx][bad]") {
  for (const Words& row : kWords) {
    for (const char* op : row.ops) {
      const std::string name = "attribute " + std::string(row.attribute);
      for (const std::int64_t opset : {row.opset, std::int64_t{17}}) {
        for (const char* word : row.words) {
          INFO(op << " " << row.attribute << " " << word << " opset " << opset);
          CHECK_FALSE(contains(said_of(op, opset, attribute(row.attribute, word)), name));
        }
        std::string list;
        for (const char* word : row.words) list = word;  // the last one ends the message's list
        for (const char* word : {"", "Nearest", "left", "same_upper", "mean ", "NOTSET VALID", "max,min"}) {
          INFO(op << " " << row.attribute << " " << word << " opset " << opset);
          const std::string said = said_of(op, opset, attribute(row.attribute, word));
          CHECK(contains(said, "it (" + std::string(op) + "): " + name + " is "));
          CHECK(contains(said, *word == 0 ? "is empty, not " : "is " + std::string(word) + ", not "));
          const bool grown = row.opset != opset && std::string(row.attribute) == "mode" && opset == 17;
          if (!grown) CHECK(contains(said, " or " + list));
        }
      }
    }
  }
}

TEST_CASE("words of later opsets are refused, with the opset", "[onnx][bad]") {
  const auto said = [](const char* op, std::int64_t opset, const char* name, const char* word) {
    return said_of(op, opset, attribute(name, word));
  };
  CHECK(contains(said("Resize", 10, "mode", "cubic"),
                 "attribute mode is cubic (opset 11 and later), not nearest or linear"));
  CHECK(contains(said("Resize", 17, "coordinate_transformation_mode", "half_pixel_symmetric"),
                 "is half_pixel_symmetric (opset 19 and later), not half_pixel, pytorch_half_pixel,"));
  CHECK(contains(said("Pad", 17, "mode", "wrap"),
                 "mode is wrap (opset 19 and later), not constant, reflect or edge"));
  CHECK(contains(said("GridSample", 17, "mode", "linear"), "linear (opset 20 and later), not bilinear"));
  for (const char* op : {"ScatterElements", "ScatterND"}) {
    CHECK(contains(said(op, 17, "reduction", "max"), "max (opset 18 and later), not none, add or mul"));
    CHECK(contains(said(op, 15, "reduction", "none"),
                   "attribute reduction came with opset 16, the file has 15"));
  }
  CHECK(contains(said("RoiAlign", 15, "coordinate_transformation_mode", "half_pixel"), "came with opset 16"));
  CHECK(contains(said("DepthToSpace", 10, "mode", "DCR"), "attribute mode came with opset 11"));
  CHECK(contains(said("Resize", 17, "keep_aspect_ratio_policy", "stretch"), "came with opset 18"));
  CHECK(
      contains(said("Gelu", 17, "approximate", "tanh"), "the operator came with opset 20, the file has 17"));
  CHECK(contains(said("Cast", 23, "round_mode", "down"), "attribute round_mode came with opset 24"));
}

TEST_CASE("a word must be a text", "[onnx][bad]") {
  CHECK(contains(said_of("Resize", 17, attribute("mode", std::int64_t{1})), "attribute mode must be a text"));
  CHECK(contains(said_of("Conv", 17, attribute("auto_pad", 1.0f)), "attribute auto_pad must be a text"));
}

TEST_CASE("a shift needs a direction", "[onnx][bad]") {
  ModelBytes model;
  model.nodes = {node("BitShift", {"x", "x"}, {"y"})};
  model.inputs = {value_info("x", {1}, 2)};
  model.outputs = {"y"};
  test::error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelUnsupported,
                 "attribute direction is missing");
}

TEST_CASE("numbers with a sign are not shifted", "[onnx][bad]") {
  for (const int type : {kInt32, kFloat}) {
    ModelBytes model;
    model.nodes = {node("BitShift", {"x", "x"}, {"y"}, {attribute("direction", std::string_view("LEFT"))})};
    model.inputs = {value_info("x", {1}, type)};
    model.outputs = {"y"};
    test::error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelUnsupported,
                   "what is shifted must be integers without a sign");
  }
}

TEST_CASE("activations are read in any case, and others refused with those there are", "[onnx][bad]") {
  const auto said = [](const std::vector<std::string>& names) {
    return said_of("RNN", 14, attribute("activations", names));
  };
  for (const char* name : {"Relu", "tanh", "SIGMOID", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                           "HardSigmoid", "Elu", "Softsign", "Softplus"})
    CHECK_FALSE(contains(said({name}), "attribute activations"));
  CHECK(contains(said({"Gelu"}), "attribute activations is Gelu, not Relu, Tanh, Sigmoid, Affine,"));
  CHECK(contains(said({"Tanh", "Swish"}), "attribute activations is Swish, not Relu"));
  // One name is no list of names.
  CHECK(contains(said({"Tanh,Relu"}), "attribute activations is Tanh,Relu, not Relu"));
}

}  // namespace fettle
