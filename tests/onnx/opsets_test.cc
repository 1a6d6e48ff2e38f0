// SPDX-License-Identifier: Apache-2.0
//
// Opsets 18 and later: no number is refused, only nodes, for what their operator does not have in that opset;
// what operators have meant since; types of 8 and fewer bits.
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::alike;
using test::Bytes;
using test::bytes_of;
using test::Outputs;
using test::run_model;

using Floats = std::vector<float>;

constexpr int kFloat8E4M3Fn = 17;
constexpr int kFloat8E5M2 = 19;
constexpr int kUint4 = 21;
constexpr int kInt4 = 22;
constexpr int kFloat4 = 23;
constexpr int kUint2 = 25;
constexpr int kInt2 = 26;

ModelBytes opset_model(std::int64_t opset, std::vector<Message> nodes, std::vector<Message> initialisers = {},
                       const Dims& input = {2, 3}) {
  ModelBytes model;
  model.opset = opset;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", input)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

std::string opset_refusal(const ModelBytes& model, ErrorCode code = ErrorCode::kModelUnsupported) {
  return test::error_of(test::parse(model), code).text();
}

bool says(const std::string& text, std::string_view part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

// A tensor whose elements share bytes.
Message packed_tensor(std::string_view name, int type, const Dims& dims,
                      const std::vector<std::uint8_t>& bytes) {
  return tensor(name, type, dims, bytes);
}

Message cast_node(const char* from, const char* to, int type) {
  return node("Cast", {from}, {to}, {attribute("to", std::int64_t{type})});
}

}  // namespace

TEST_CASE("no opset is refused for its number, nor any newer format version", "[onnx][opsets]") {
  for (const std::int64_t opset : {17, 18, 20, 23, 25, 27, 28, 1000}) {
    ModelBytes model = opset_model(opset, {node("Relu", {"x"}, {"y"})});
    model.ir_version = 8 + opset;
    INFO(opset);
    CHECK(run_model(model, Floats{-1, 2, -3, 4, -5, 6}).values() == Floats{0, 2, 0, 4, 0, 6});
  }
  CHECK(says(opset_refusal(opset_model(0, {node("Relu", {"x"}, {"y"})}), ErrorCode::kModelInvalid),
             "opset 0: there is none below 1"));
}

TEST_CASE("all nodes are listed that their opset does not have like this", "[onnx][opsets][bad]") {
  const std::string text = opset_refusal(opset_model(
      18,
      {node("ReduceMax", {"x"}, {"a"}, {attribute("axes", Dims{0})}, "largest"),
       node("Gelu", {"x"}, {"b"}, {}, "gate"), node("Pad", {"x", "k", "k", "k", "k"}, {"c"}, {}, "border"),
       node("Relu", {"x"}, {"d"}, {attribute("slope", 1.0f)}, "bent"),
       node("QuantizeLinear", {"x", "k"}, {"e"}, {attribute("block_size", std::int64_t{2})}, "blocks"),
       node("Split", {"x"}, {"y", "z"}, {attribute("split", Dims{1, 1})}, "parts")},
      {floats("k", {}, {1})}));
  CHECK(says(text, "6 nodes cannot be run"));
  CHECK(says(text, "largest (ReduceMax): attribute axes went with opset 18, the file has 18"));
  CHECK(says(text, "gate (Gelu): the operator came with opset 20, the file has 18"));
  CHECK(says(text, "border (Pad): there are 5 inputs, the operator takes 4 in opset 18"));
  CHECK(says(text, "bent (Relu): there is no attribute slope of this operator"));
  CHECK(says(text, "blocks (QuantizeLinear): attribute block_size came with opset 21, the file has 18"));
  CHECK(says(text, "parts (Split): attribute split went with opset 13, the file has 18"));
  CHECK(says(opset_refusal(opset_model(17, {node("Pad", {"x", "p", "", "p"}, {"y"}, {}, "border")},
                                       {integers("p", {0, 0, 0, 0})})),
             "there are 4 inputs, the operator takes 3 in opset 17 (so many came with opset 18)"));
}

TEST_CASE("reductions take their axes as an input, and may reduce nothing", "[onnx][opsets]") {
  const Floats x{1, -2, 3, -4, 5, -6};
  CHECK(run_model(opset_model(18, {node("ReduceMax", {"x", "axes"}, {"y"})}, {integers("axes", {-1})}), x)
            .values() == Floats{3, 5});
  const auto nothing = [&](const char* op) {
    return run_model(opset_model(
                         18, {node(op, {"x"}, {"y"}, {attribute("noop_with_empty_axes", std::int64_t{1})})}),
                     x)
        .values();
  };
  CHECK(nothing("ReduceMax") == x);
  CHECK(nothing("ReduceMean") == x);
  CHECK(nothing("ReduceSumSquare") == Floats{1, 4, 9, 16, 25, 36});
  CHECK(nothing("ReduceL1") == Floats{1, 2, 3, 4, 5, 6});
  CHECK(nothing("ReduceL2") == Floats{1, 2, 3, 4, 5, 6});
  CHECK(alike(nothing("ReduceLogSumExp"), x, 1e-6f));
}

TEST_CASE("Split into a number of parts gives the last one what is left", "[onnx][opsets]") {
  ModelBytes model = opset_model(
      18, {node("Split", {"x"}, {"y", "z"},
                {attribute("num_outputs", std::int64_t{2}), attribute("axis", std::int64_t{1})})});
  model.outputs = {"y", "z"};
  const Outputs outputs = run_model(model, Floats{1, 2, 3, 4, 5, 6});
  CHECK(outputs.values(0) == Floats{1, 2, 4, 5});
  CHECK(outputs.values(1) == Floats{3, 6});
  model.nodes = {
      node("Split", {"x", "sizes"}, {"y", "z"}, {attribute("num_outputs", std::int64_t{2})}, "parts")};
  model.initialisers = {integers("sizes", {1, 1})};
  CHECK(says(opset_refusal(model), "num_outputs is not the number of outputs, or stands beside sizes"));
}

TEST_CASE("Pad of some axes, and around", "[onnx][opsets]") {
  ModelBytes model =
      opset_model(19, {node("Pad", {"x", "pads", "", "axes"}, {"y"}, {attribute("mode", "wrap")})},
                  {integers("pads", {1, 4}), integers("axes", {-1})});
  CHECK(run_model(model, Floats{1, 2, 3, 4, 5, 6}).values() ==
        Floats{3, 1, 2, 3, 1, 2, 3, 1, 6, 4, 5, 6, 4, 5, 6, 4});
  model.initialisers[1] = integers("axes", {-1, 1});
  model.initialisers[0] = integers("pads", {0, 0, 0, 0});
  CHECK(says(opset_refusal(model), "an axis is named twice"));
}

TEST_CASE("Resize of some axes keeps their ratio where it is told to", "[onnx][opsets]") {
  const auto extents = [](const char* policy) {
    ModelBytes model =
        opset_model(18,
                    {node("Resize", {"x", "", "", "sizes"}, {"y"},
                          {attribute("axes", Dims{2, 3}), attribute("keep_aspect_ratio_policy", policy)})},
                    {integers("sizes", {7, 8})}, {1, 1, 2, 4});
    return run_model(model, Floats(8, 1)).shape();
  };
  CHECK(extents("stretch") == Shape{1, 1, 7, 8});
  CHECK(extents("not_larger") == Shape{1, 1, 4, 8});
  CHECK(extents("not_smaller") == Shape{1, 1, 7, 14});
}

TEST_CASE("Resize without aliasing looks at every element", "[onnx][opsets]") {
  const auto resized = [](std::int64_t antialias) {
    return run_model(opset_model(18,
                                 {node("Resize", {"x", "", "scales"}, {"y"},
                                       {attribute("mode", "linear"), attribute("antialias", antialias)})},
                                 {floats("scales", {4}, {1, 1, 1, 0.25f})}, {1, 1, 1, 8}),
                     Floats{8, 0, 0, 0, 0, 0, 0, 0})
        .values();
  };
  CHECK(resized(0) == Floats{0, 0});
  const Floats smooth = resized(1);
  CHECK(smooth[0] > 1);
  CHECK(smooth[1] == 0);
}

TEST_CASE("a group's scale becomes that of its channels before opset 21", "[onnx][opsets]") {
  const Floats x{1, 3, 5, 7, 2, 4, 6, 8};
  const auto of_opset = [&](std::int64_t opset, const Floats& scale, const Floats& bias) {
    const auto count = static_cast<std::int64_t>(scale.size());
    return run_model(
               opset_model(opset,
                           {node("GroupNormalization", {"x", "s", "b"}, {"y"},
                                 {attribute("num_groups", std::int64_t{2}), attribute("epsilon", 0.0f)})},
                           {floats("s", {count}, scale), floats("b", {count}, bias)}, {1, 4, 2}),
               x)
        .values();
  };
  const Floats by_group = of_opset(18, {1, 2}, {0, 10});
  const Floats by_channel = of_opset(21, {1, 1, 2, 2}, {0, 0, 10, 10});
  CHECK(alike(by_group, by_channel, 1e-6f));
  CHECK(std::abs(by_group[0] + 3 / std::sqrt(5.0f)) < 1e-5f);
  CHECK(std::abs(by_group[7] - (10 + 2 * 3 / std::sqrt(5.0f))) < 1e-5f);
  ModelBytes wrong = opset_model(21,
                                 {node("GroupNormalization", {"x", "s", "s"}, {"y"},
                                       {attribute("num_groups", std::int64_t{2})}, "norm")},
                                 {floats("s", {2}, {1, 1})}, {1, 4, 2});
  CHECK(says(opset_refusal(wrong), "norm (GroupNormalization): scale and bias need one value per channel"));
}

TEST_CASE("activations that later opsets name are one operator each", "[onnx][opsets]") {
  const Floats x{-2, -0.5f, 0, 0.5f, 1, 3};
  const auto of = [&](const char* op, std::vector<Message> attributes = {}) {
    return run_model(opset_model(24, {node(op, {"x"}, {"y"}, std::move(attributes))}), x).values();
  };
  const auto expected = [&](auto&& function) {
    Floats y;
    for (const float value : x) y.push_back(static_cast<float>(function(static_cast<double>(value))));
    return y;
  };
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  CHECK(alike(of("Swish"), expected([&](double v) { return v * sigmoid(v); }), 1e-5f));
  CHECK(alike(of("Swish", {attribute("alpha", 2.0f)}), expected([&](double v) { return v * sigmoid(2 * v); }),
              1e-5f));
  CHECK(alike(of("Mish"), expected([](double v) { return v * std::tanh(std::log1p(std::exp(v))); }), 1e-5f));
  CHECK(alike(of("Gelu"), expected([](double v) { return v * (1 + std::erf(v / std::sqrt(2.0))) / 2; }),
              1e-5f));
  CHECK(alike(of("Gelu", {attribute("approximate", "tanh")}), expected([](double v) {
                return v / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v)));
              }),
              1e-5f));
}

TEST_CASE("RMSNormalization is not centred", "[onnx][opsets]") {
  const Outputs y =
      run_model(opset_model(23, {node("RMSNormalization", {"x", "s"}, {"y"}, {attribute("epsilon", 0.0f)})},
                            {floats("s", {3}, {1, 2, 3})}),
                Floats{1, 2, 2, 3, 0, 4});
  const float first = std::sqrt(3.0f);
  const float second = 5 / std::sqrt(3.0f);
  CHECK(alike(y.values(), Floats{1 / first, 4 / first, 6 / first, 3 / second, 0, 12 / second}, 1e-5f));
}

// Queries that may look at everything, at what came before, and at nothing.
TEST_CASE("Attention of masks that leave nothing is zero", "[onnx][opsets]") {
  ModelBytes model = opset_model(
      24, {node("Attention", {"x", "k", "v", "m"}, {"y"}, {attribute("is_causal", std::int64_t{1})})},
      {floats("k", {1, 1, 2, 1}, {0, 0}), floats("v", {1, 1, 2, 1}, {2, 4}),
       tensor<std::uint8_t>("m", kBool, {3, 2}, {1, 1, 1, 1, 0, 0})},
      {1, 1, 3, 1});
  CHECK(run_model(model, Floats{1, 1, 1}).values() == Floats{2, 3, 0});
  // A mask for fewer keys masks the others.
  model.initialisers[2] = tensor<std::uint8_t>("m", kBool, {3, 1}, {1, 1, 0});
  model.nodes = {node("Attention", {"x", "k", "v", "m"}, {"y"})};
  CHECK(run_model(model, Floats{1, 1, 1}).values() == Floats{3, 3, 0});
}

TEST_CASE("a mask of integers is added to the scores of Attention", "[onnx][opsets]") {
  ModelBytes model =
      opset_model(23, {node("Attention", {"x", "k", "v", "m"}, {"y"}, {attribute("scale", 1.0f)})},
                  {floats("k", {1, 1, 2, 1}, {0, 0}), floats("v", {1, 1, 2, 1}, {2, 4}),
                   tensor<std::int64_t>("m", kInt64, {2, 2}, {0, 0, -100, 0})},
                  {1, 1, 2, 1});
  CHECK(alike(run_model(model, Floats{1, 1}).values(), Floats{3, 4}, 1e-6f));
}

TEST_CASE("Attention in three dimensions with keys of earlier calls", "[onnx][opsets]") {
  ModelBytes model = opset_model(
      23,
      {node("Attention", {"x", "k", "v", "", "pk", "pv"}, {"y", "keys", "values"},
            {attribute("q_num_heads", std::int64_t{2}), attribute("kv_num_heads", std::int64_t{1}),
             attribute("is_causal", std::int64_t{1})})},
      {floats("k", {1, 2, 1}, {0, 0}), floats("v", {1, 2, 1}, {6, 9}), floats("pk", {1, 1, 1, 1}, {0}),
       floats("pv", {1, 1, 1, 1}, {3})},
      {1, 2, 2});
  model.outputs = {"y", "keys", "values"};
  const Outputs outputs = run_model(model, Floats{1, 1, 1, 1});
  CHECK(outputs.shape(0) == Shape{1, 2, 2});
  CHECK(alike(outputs.values(0), Floats{4.5f, 4.5f, 6, 6}, 1e-6f));
  CHECK(outputs.shape(1) == Shape{1, 1, 3, 1});
  CHECK(outputs.values(2) == Floats{3, 6, 9});
  model.nodes = {
      node("Attention", {"x", "k", "v"}, {"y"}, {attribute("q_num_heads", std::int64_t{3})}, "heads")};
  model.outputs = {"y"};
  CHECK(says(opset_refusal(model),
             "heads (Attention): q_num_heads and kv_num_heads must divide the last extents"));
}

TEST_CASE("a causal convolution carries its state from call to call", "[onnx][opsets]") {
  const Floats x{1, 2, 3, 4, 5, 6};
  const auto convolved = [](const Floats& sequence, const Floats& state) {
    const auto length = static_cast<std::int64_t>(sequence.size());
    ModelBytes model = opset_model(
        27, {node("CausalConvWithState", {"x", "w", "b", "state"}, {"y", "next"})},
        {floats("w", {1, 1, 3}, {1, 10, 100}), floats("b", {1}, {0.5f}), floats("state", {1, 1, 2}, state)},
        {1, 1, length});
    model.outputs = {"y", "next"};
    return run_model(model, sequence);
  };
  const Outputs whole = convolved(x, {0, 0});
  const Outputs first = convolved({1, 2, 3}, {0, 0});
  const Outputs second = convolved({4, 5, 6}, first.values(1));
  CHECK(whole.values(0) == Floats{100.5f, 210.5f, 321.5f, 432.5f, 543.5f, 654.5f});
  Floats parts = first.values(0);
  for (const float value : second.values(0)) parts.push_back(value);
  CHECK(parts == whole.values(0));
  CHECK(second.values(1) == whole.values(1));
  CHECK(whole.values(1) == Floats{5, 6});
}

TEST_CASE("elements that share bytes in files are bytes of their own", "[onnx][opsets][small]") {
  // The first element lies in the lowest bits.
  const auto contents = [](int type, const Dims& dims, const std::vector<std::uint8_t>& bytes) {
    ModelBytes model = opset_model(25, {cast_node("k", "f", kFloat), node("Add", {"x", "f"}, {"y"})},
                                   {packed_tensor("k", type, dims, bytes)}, dims);
    return run_model(model, Floats(static_cast<std::size_t>(dims[0]), 0)).values();
  };
  CHECK(contents(kInt4, {3}, {0x8f, 0x07}) == Floats{-1, -8, 7});
  CHECK(contents(kUint4, {3}, {0x8f, 0x07}) == Floats{15, 8, 7});
  CHECK(contents(kInt2, {5}, {0b10010011, 0b01}) == Floats{-1, 0, 1, -2, 1});
  CHECK(contents(kUint2, {5}, {0b10010011, 0b01}) == Floats{3, 0, 1, 2, 1});
  CHECK(contents(kFloat4, {3}, {0x71, 0x0f}) == Floats{0.5f, 6, -6});
  CHECK(contents(kFloat8E4M3Fn, {3}, {0x7e, 0x38, 0x81}) == Floats{448, 1, -0x1p-9f});
  // In a list of integers each holds as many as a byte does.
  ModelBytes listed = opset_model(25, {cast_node("k", "f", kFloat), node("Add", {"x", "f"}, {"y"})}, {}, {3});
  listed.initialisers = {
      Message().integer(1, 3).integer(2, kInt4).text(8, "k").integer(5, 0x8f).integer(5, 0x07)};
  CHECK(run_model(listed, Floats{0, 0, 0}).values() == Floats{-1, -8, 7});
  ModelBytes cut =
      opset_model(25, {cast_node("k", "y", kFloat)}, {packed_tensor("k", kInt4, {3}, {0x8f})}, {3});
  CHECK(says(opset_refusal(cut, ErrorCode::kModelMalformed), "holds 1 bytes, its shape 3 needs 2"));
}

TEST_CASE("casts to floats of 8 bits saturate unless they are told not to", "[onnx][opsets][small]") {
  const auto bits = [](int type, std::int64_t saturate) {
    ModelBytes model = opset_model(
        19,
        {node("Cast", {"x"}, {"y"}, {attribute("to", std::int64_t{type}), attribute("saturate", saturate)})});
    const Outputs outputs = run_model(
        model, Floats{1e6f, -std::numeric_limits<float>::infinity(), std::nanf(""), 1, 0.4375f, -1e-9f});
    Bytes bytes = outputs.bytes[0];
    std::vector<int> result;
    for (const std::byte byte : bytes) result.push_back(std::to_integer<int>(byte));
    return result;
  };
  CHECK(bits(kFloat8E4M3Fn, 1) == std::vector<int>{0x7e, 0xfe, 0x7f, 0x38, 0x2e, 0x80});
  CHECK(bits(kFloat8E4M3Fn, 0) == std::vector<int>{0x7f, 0xff, 0x7f, 0x38, 0x2e, 0x80});
  CHECK(bits(kFloat8E5M2, 1) == std::vector<int>{0x7b, 0xfb, 0x7e, 0x3c, 0x37, 0x80});
  CHECK(bits(kFloat8E5M2, 0) == std::vector<int>{0x7c, 0xfc, 0x7e, 0x3c, 0x37, 0x80});
}

TEST_CASE("blocks of elements share a scale", "[onnx][opsets][small]") {
  // Weights of 4 bits, as exporters of large models write them.
  ModelBytes model = opset_model(
      21,
      {node("DequantizeLinear", {"k", "s", "z"}, {"w"},
            {attribute("axis", std::int64_t{1}), attribute("block_size", std::int64_t{2})}),
       node("Mul", {"x", "w"}, {"y"})},
      {packed_tensor("k", kUint4, {2, 3}, {0x21, 0x43, 0x65}), floats("s", {2, 2}, {1, 10, 100, 1000}),
       packed_tensor("z", kUint4, {2, 2}, {0x01, 0x10})});
  CHECK(run_model(model, Floats(6, 1)).values() == Floats{0, 1, 30, 400, 500, 5000});
  model.initialisers[1] = floats("s", {2, 1}, {1, 10});
  model.initialisers[2] = packed_tensor("z", kUint4, {2, 1}, {0x01});
  CHECK(says(opset_refusal(model),
             "the scale needs the input's shape with one value per block along its axis"));
}

}  // namespace fettle
