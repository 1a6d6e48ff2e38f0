// SPDX-License-Identifier: Apache-2.0
//
// Nodes that ONNX allows, though few exporters write them, and what comes out of them. Right values by hand.
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

// One input x, one output y.
ModelBytes model_of_legal_nodes(std::vector<Message> nodes, const Dims& input,
                                std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", input)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

std::string refusal_legal_nodes(const ModelBytes& model) {
  const Result<Model> result = Model::parse(as_bytes(model.bytes()), "test");
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::kModelUnsupported);
  return result.error().text();
}

}  // namespace

TEST_CASE("scale and bias of a layer normalisation are broadcast", "[onnx][legal]") {
  // Rows {1, 3} and {2, 6} become {-1, 1}.
  const auto normalised = [](std::vector<Message> operands, std::int64_t axis = -1) {
    std::vector<std::string> names{"x", "s"};
    if (operands.size() > 1) names.emplace_back("b");
    ModelBytes model = model_of_legal_nodes(
        {node("LayerNormalization", names, {"y"}, {attribute("axis", axis), attribute("epsilon", 0.0f)})},
        {2, 2}, std::move(operands));
    model.opset = 17;
    return run_model(model, Floats{1, 3, 2, 6}).values();
  };
  CHECK(alike(normalised({floats("s", {1}, {2})}), {-2, 2, -2, 2}, 1e-5f));
  CHECK(alike(normalised({floats("s", {}, {3})}), {-3, 3, -3, 3}, 1e-5f));
  CHECK(alike(normalised({floats("s", {1, 2}, {2, 3})}), {-2, 3, -2, 3}, 1e-5f));
  CHECK(alike(normalised({floats("s", {2}, {2, 3}), floats("b", {1, 1}, {10})}), {8, 13, 8, 13}, 1e-5f));
  // One scale for each row, and a bias for each element, are beyond what is normalised.
  CHECK(alike(normalised({floats("s", {2, 1}, {2, 3})}), {-2, 2, -3, 3}, 1e-5f));
  CHECK(alike(normalised({floats("s", {2, 1}, {2, 3}), floats("b", {2, 2}, {1, 2, 3, 4})}), {-1, 4, 0, 7},
              1e-5f));
  // 1, 3, 2, 6 over both axes: mean 3, variance 3.5.
  const float step = 1 / std::sqrt(3.5f);
  CHECK(alike(normalised({floats("s", {2, 1}, {1, 10})}, 0), {-2 * step, 0, -10 * step, 30 * step}, 1e-5f));
}

TEST_CASE("mean and deviation of a normalisation are there whatever the scale's shape", "[onnx][legal]") {
  for (const Message& scale :
       {floats("s", {2}, {1, 1}), floats("s", {1}, {1}), floats("s", {2, 1}, {1, 1})}) {
    ModelBytes model = model_of_legal_nodes(
        {node("LayerNormalization", {"x", "s"}, {"y", "mean", "deviation"}, {attribute("epsilon", 0.0f)})},
        {2, 2}, {scale});
    model.opset = 17;
    model.outputs = {"y", "mean", "deviation"};
    const test::Outputs outputs = run_model(model, Floats{1, 3, 2, 6});
    CHECK(alike(outputs.values(0), {-1, 1, -1, 1}, 1e-5f));
    CHECK(alike(outputs.values(1), {2, 4}, 1e-5f));
    CHECK(alike(outputs.values(2), {1, 0.5f}, 1e-5f));
    CHECK(outputs.shape(1) == Shape{2, 1});
  }
}

TEST_CASE("a scale that does not fit a layer normalisation is refused", "[onnx][bad]") {
  for (const Message& scale : {floats("s", {3}, {1, 1, 1}), floats("s", {1, 1, 1}, {1})}) {
    ModelBytes model = model_of_legal_nodes({node("LayerNormalization", {"x", "s"}, {"y"})}, {2, 2}, {scale});
    model.opset = 17;
    CHECK(refusal_legal_nodes(model).find("broadcastable") != std::string::npos);
  }
}

TEST_CASE("a tensor of one dimension is one channel to a batch normalisation", "[onnx][legal]") {
  const ModelBytes model = model_of_legal_nodes(
      {node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}, {attribute("epsilon", 0.0f)})}, {3},
      {floats("s", {1}, {2}), floats("b", {1}, {1}), floats("m", {1}, {3}), floats("v", {1}, {4})});
  const test::Outputs outputs = run_model(model, Floats{1, 3, 5});
  CHECK(alike(outputs.values(), {-1, 1, 3}, 1e-5f));
  CHECK(outputs.shape() == Shape{3});
}

TEST_CASE("a scale or zero point of one element may be a scalar or not", "[onnx][legal]") {
  for (const auto& [scale, zero] : {std::pair<Dims, Dims>{{1}, {}}, {{}, {1}}, {{1}, {1}}, {{}, {}}}) {
    const std::vector<Message> parameters{floats("s", scale, {0.5f}),
                                          tensor<std::uint8_t>("z", kUint8, zero, {100})};
    CHECK(run_model(model_of_legal_nodes({node("QuantizeLinear", {"x", "s", "z"}, {"q"}),
                                          node("DequantizeLinear", {"q", "s", "z"}, {"y"})},
                                         {3}, parameters),
                    Floats{1, -1.5f, 2.2f})
              .values() == Floats{1, -1.5f, 2});
    // 2 * 3 and 4 * 3, in steps of 0.5 from 100 on.
    ModelBytes conv =
        model_of_legal_nodes({node("QuantizeLinear", {"x", "s", "z"}, {"q"}),
                              node("QLinearConv", {"q", "s", "z", "w", "s", "z", "s", "z"}, {"c"}),
                              node("DequantizeLinear", {"c", "s", "z"}, {"y"})},
                             {1, 1, 1, 2}, parameters);
    conv.initialisers.push_back(tensor<std::uint8_t>("w", kUint8, {1, 1, 1, 1}, {106}));
    CHECK(run_model(conv, Floats{2, 4}).values() == Floats{6, 12});
    ModelBytes product = conv;
    product.inputs = {value_info("x", {2, 1})};
    product.nodes[1] = node("QLinearMatMul", {"q", "s", "z", "w", "s", "z", "s", "z"}, {"c"});
    product.initialisers.back() = tensor<std::uint8_t>("w", kUint8, {1, 1}, {106});
    CHECK(run_model(product, Floats{2, 4}).values() == Floats{6, 12});
  }
}

TEST_CASE("scales and zero points that are computed may differ in rank", "[onnx][legal]") {
  const ModelBytes model = model_of_legal_nodes(
      {node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"}), node("Reshape", {"s", "one"}, {"s1"}),
       node("DequantizeLinear", {"q", "s1", "z"}, {"y"})},
      {2}, {integers("one", {1})});
  CHECK(alike(run_model(model, Floats{0, 255}).values(), {0, 255}, 1e-3f));
}

TEST_CASE("NaN may be a constant", "[onnx][legal]") {
  const std::vector<Message> mask{floats("zero", {}, {0}), floats("nan", {}, {test::kNan})};
  CHECK(alike(run_model(model_of_legal_nodes(
                            {node("Greater", {"x", "zero"}, {"c"}), node("Where", {"c", "x", "nan"}, {"y"})},
                            {2}, mask),
                        Floats{-1, 1})
                  .values(),
              {test::kNan, 1}));
  CHECK(alike(run_model(model_of_legal_nodes({node("Pad", {"x", "pads", "nan"}, {"y"})}, {2},
                                             {mask[1], integers("pads", {1, 1})}),
                        Floats{-1, 1})
                  .values(),
              {test::kNan, -1, 1, test::kNan}));
  CHECK(alike(run_model(model_of_legal_nodes(
                            {node("ConstantOfShape", {"s"}, {"n"},
                                  {attribute("value", floats("", {1}, {test::kNan}))}),
                             node("Concat", {"n", "x"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                            {2}, {integers("s", {1})}),
                        Floats{-1, 1})
                  .values(),
              {test::kNan, -1, 1}));
  CHECK(alike(
      run_model(model_of_legal_nodes({node("Constant", {}, {"k"}, {attribute("value_float", test::kNan)}),
                                      node("Add", {"x", "k"}, {"y"})},
                                     {2}),
                Floats{-1, 1})
          .values(),
      {test::kNan, test::kNan}));
  CHECK(alike(run_model(model_of_legal_nodes(
                            {node("LeakyRelu", {"x"}, {"y"}, {attribute("alpha", test::kNan)})}, {2}),
                        Floats{-1, 1})
                  .values(),
              {test::kNan, 1}));
  // Weights too: what is multiplied by NaN is NaN, and other channels are as they were.
  CHECK(alike(run_model(model_of_legal_nodes({node("Conv", {"x", "w", "b"}, {"y"})}, {1, 1, 1, 1},
                                             {floats("w", {3, 1, 1, 1}, {test::kNan, 2, 1}),
                                              floats("b", {3}, {0, 1, test::kInfinity})}),
                        Floats{3})
                  .values(),
              {test::kNan, 7, test::kInfinity}));
}

TEST_CASE("a bound that is NaN gives NaN, as ONNX's Min and Max do", "[onnx][legal]") {
  const std::vector<Message> bounds{floats("low", {}, {test::kNan}), floats("high", {}, {1})};
  CHECK(alike(
      run_model(model_of_legal_nodes({node("Clip", {"x", "low", "high"}, {"y"})}, {2}, bounds), Floats{-1, 5})
          .values(),
      {test::kNan, test::kNan}));
  for (const char* op : {"Min", "Max"}) {
    CHECK(alike(
        run_model(model_of_legal_nodes({node(op, {"x", "low"}, {"y"})}, {2}, bounds), Floats{-1, 5}).values(),
        {test::kNan, test::kNan}));
  }
}

TEST_CASE("where the bounds of Clip cross, the upper one is the result", "[onnx][legal]") {
  const std::vector<Message> bounds{floats("low", {}, {1}), floats("high", {}, {-1})};
  const Floats x{0, 5, -5};
  const Floats upper{-1, -1, -1};
  CHECK(
      run_model(model_of_legal_nodes({node("Clip", {"x", "low", "high"}, {"y"})}, {3}, bounds), x).values() ==
      upper);
  ModelBytes old = model_of_legal_nodes(
      {node("Clip", {"x"}, {"y"}, {attribute("min", 1.0f), attribute("max", -1.0f)})}, {3});
  old.opset = 6;
  CHECK(run_model(old, x).values() == upper);
  // Behind an operator that takes it as its clamp, and behind another clamp.
  CHECK(
      run_model(model_of_legal_nodes(
                    {node("Add", {"x", "x"}, {"a"}), node("Clip", {"a", "low", "high"}, {"y"})}, {3}, bounds),
                x)
          .values() == upper);
  CHECK(run_model(
            model_of_legal_nodes({node("Conv", {"x", "w"}, {"c"}), node("Clip", {"c", "low", "high"}, {"y"})},
                                 {1, 1, 1, 3}, {bounds[0], bounds[1], floats("w", {1, 1, 1, 1}, {3})}),
            x)
            .values() == upper);
  CHECK(run_model(model_of_legal_nodes({node("Add", {"x", "x"}, {"a"}), node("Clip", {"a", "low"}, {"b"}),
                                        node("Clip", {"b", "", "high"}, {"y"})},
                                       {3}, bounds),
                  x)
            .values() == upper);
  CHECK(run_model(model_of_legal_nodes({node("Max", {"x", "low"}, {"a"}), node("Min", {"a", "high"}, {"y"})},
                                       {3}, bounds),
                  x)
            .values() == upper);
}

TEST_CASE("crossing bounds of integers and of computed numbers", "[onnx][legal]") {
  ModelBytes whole = model_of_legal_nodes(
      {node("Clip", {"x", "low", "high"}, {"y"})}, {3},
      {tensor<std::int32_t>("low", kInt32, {}, {7}), tensor<std::int32_t>("high", kInt32, {}, {3})});
  whole.inputs = {value_info("x", {3}, kInt32)};
  CHECK(run_model(whole, {test::bytes_of<std::int32_t>({0, 5, 9})}).values<std::int32_t>() ==
        std::vector<std::int32_t>{3, 3, 3});
  ModelBytes computed = model_of_legal_nodes({node("Clip", {"x", "low", "high"}, {"y"})}, {2});
  computed.inputs.push_back(value_info("low", {}));
  computed.inputs.push_back(value_info("high", {}));
  const auto scalar = [](float value) { return test::bytes_of<float>({value}); };
  CHECK(run_model(computed, {test::bytes_of<float>({0, 5}), scalar(1), scalar(-1)}).values() ==
        Floats{-1, -1});
}

TEST_CASE("steps, starts and ends of a slice may be any integers", "[onnx][legal]") {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto sliced = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return run_model(model_of_legal_nodes({node("Slice", {"x", "s", "e", "a", "p"}, {"y"})}, {4},
                                          {integers("s", {start}), integers("e", {end}), integers("a", {0}),
                                           integers("p", {step})}),
                     Floats{1, 2, 3, 4})
        .values();
  };
  for (const std::int64_t step : {std::int64_t{4}, std::int64_t{1} << 40, kMost}) {
    CHECK(sliced(0, kMost, step) == Floats{1});
    CHECK(sliced(1, kMost, step) == Floats{2});
    CHECK(sliced(-1, kLeast, -step) == Floats{4});
  }
  CHECK(sliced(kMost, kLeast, kLeast) == Floats{4});
  CHECK(sliced(kMost, kLeast, -1) == Floats{4, 3, 2, 1});
  CHECK(sliced(kLeast, kMost, 1) == Floats{1, 2, 3, 4});
  CHECK(sliced(kLeast, kMost, 3) == Floats{1, 4});
  CHECK(sliced(kMost, kMost, kMost).empty());
}

TEST_CASE("negative padding removes elements before the rest is copied or reflected", "[onnx][legal]") {
  const auto padded = [](const char* mode, std::int64_t before, std::int64_t after) {
    return run_model(model_of_legal_nodes({node("Pad", {"x", "pads"}, {"y"}, {attribute("mode", mode)})}, {4},
                                          {integers("pads", {before, after})}),
                     Floats{1, 2, 3, 4})
        .values();
  };
  CHECK(padded("reflect", -1, 0) == Floats{2, 3, 4});
  CHECK(padded("reflect", -1, 2) == Floats{2, 3, 4, 3, 2});
  CHECK(padded("reflect", 2, -1) == Floats{3, 2, 1, 2, 3});
  CHECK(padded("edge", -2, 2) == Floats{3, 4, 4, 4});
  CHECK(padded("edge", -1, -1) == Floats{2, 3});
  CHECK(padded("edge", 1, -3) == Floats{1, 1});
  CHECK(padded("constant", 1, -3) == Floats{0, 1});
  const auto problem = [](const char* mode, std::int64_t before, std::int64_t after) {
    return refusal_legal_nodes(
        model_of_legal_nodes({node("Pad", {"x", "pads"}, {"y"}, {attribute("mode", mode)})}, {4},
                             {integers("pads", {before, after})}));
  };
  // One element is left, which has nothing to reflect, and then none.
  CHECK(problem("reflect", 1, -3).find("smaller than the dimension") != std::string::npos);
  CHECK(problem("edge", 1, -4).find("elements to copy") != std::string::npos);
  CHECK(problem("edge", 3, -5).find("more elements than there are") != std::string::npos);
  CHECK(problem("edge", -3, -2).find("out of range") != std::string::npos);
}

TEST_CASE("Dropout that drops nothing is the identity, with a mask of ones", "[onnx][legal]") {
  const auto dropped = [](const Message& ratio, const Message& training) {
    ModelBytes model =
        model_of_legal_nodes({node("Dropout", {"x", "r", "t"}, {"y", "mask"})}, {3}, {ratio, training});
    model.outputs = {"y", "mask"};
    return model;
  };
  for (const ModelBytes& model :
       {dropped(floats("r", {}, {0}), truth("t", true)), dropped(floats("r", {}, {0.5f}), truth("t", false)),
        dropped(floats("r", {1}, {0}), truth("t", false))}) {
    const test::Outputs outputs = run_model(model, Floats{1, -2, 3});
    CHECK(outputs.values() == Floats{1, -2, 3});
    CHECK(outputs.infos[1].type == DataType::boolean);
    CHECK(outputs.infos[1].name == "mask");
    CHECK(outputs.bytes[1] == test::Bytes(3, std::byte{1}));
  }
  // Whether it is training does not matter then.
  ModelBytes either = dropped(floats("r", {}, {0}), truth("unused", true));
  either.inputs.push_back(value_info("t", {}, kBool));
  CHECK(run_model(either, {test::bytes_of<float>({1, 2, 3}), test::Bytes{std::byte{1}}}).values() ==
        Floats{1, 2, 3});
  CHECK(refusal_legal_nodes(dropped(floats("r", {}, {0.5f}), truth("t", true))).find("at random") !=
        std::string::npos);
  ModelBytes open = dropped(floats("r", {}, {0.5f}), truth("unused", true));
  open.inputs.push_back(value_info("t", {}, kBool));
  CHECK(refusal_legal_nodes(open).find("training_mode must be constant") != std::string::npos);
  // The ratio is a half where none is given.
  CHECK(refusal_legal_nodes(
            model_of_legal_nodes({node("Dropout", {"x", "", "t"}, {"y"})}, {3}, {truth("t", true)}))
            .find("at random") != std::string::npos);
}

}  // namespace fettle
