// SPDX-License-Identifier: Apache-2.0
//
// Quantised models from the file to the result: ONNX's operators by their definitions, and real networks.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"
#include "tuner/io/npy.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>

namespace fettle::test {
namespace {

using namespace onnx_bytes;
using Bytes = std::vector<std::uint8_t>;

template <typename T, typename X>
std::vector<T> run(const ModelBytes& bytes, const std::vector<X>& x) {
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(bytes)))));
  succeeds(runtime.input(0).copy_from(x));
  succeeds(runtime.run());
  const auto values = runtime.output(0).template values<T>();
  return {values.begin(), values.end()};
}

Message scalar(std::string_view name, float value) { return floats(name, {}, {value}); }
Message zero(std::string_view name, std::uint8_t value) { return tensor(name, kUint8, {}, Bytes{value}); }

// x: 2 x 3 of u8, w: 3 x 2 of u8.
const Bytes kX{0, 10, 20, 30, 40, 255};
const Bytes kW{1, 200, 3, 4, 128, 6};

ModelBytes product(const std::string& op, const std::vector<std::string>& inputs) {
  ModelBytes model;
  model.inputs = {value_info("x", {2, 3}, kUint8)};
  model.outputs = {"y"};
  model.nodes = {node(op, inputs, {"y"})};
  model.initialisers = {tensor("w", kUint8, {3, 2}, kW),
                        scalar("xs", 0.5f),
                        scalar("ws", 0.25f),
                        scalar("ys", 40.0f),
                        zero("xz", 10),
                        zero("wz", 100),
                        zero("yz", 7)};
  return model;
}

std::vector<int> sums() {
  std::vector<int> result;
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 2; ++column) {
      int sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += (kX[row * 3 + k] - 10) * (kW[k * 2 + column] - 100);
      result.push_back(sum);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("QLinearMatMul", "[runtime][quantised]") {
  const ModelBytes model = product("QLinearMatMul", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"});
  CHECK(parse(model).layers().size() == 1);
  const Bytes y = run<std::uint8_t>(model, kX);
  const std::vector<int> expected = sums();
  for (std::size_t i = 0; i < 4; ++i) {
    const double rounded = std::nearbyint(expected[i] * 0.125 / 40) + 7;
    CHECK(std::abs(y[i] - std::clamp(rounded, 0.0, 255.0)) <= 1);
  }
}

TEST_CASE("MatMulInteger", "[runtime][quantised]") {
  const auto y = run<std::int32_t>(product("MatMulInteger", {"x", "w", "xz", "wz"}), kX);
  CHECK(std::vector<int>(y.begin(), y.end()) == sums());
}

TEST_CASE("QLinearConv and ConvInteger", "[runtime][quantised]") {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 1, 3, 3}, kUint8)};
  model.outputs = {"y"};
  const Message pads = attribute("pads", Dims{1, 1, 0, 0});
  model.nodes = {node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {"y"}, {pads})};
  model.initialisers = {tensor("w", kInt8, {2, 1, 2, 2}, std::vector<std::int8_t>{1, -2, 3, -4, 9, 8, -7, 6}),
                        scalar("xs", 0.5f),
                        floats("ws", {2}, {0.25f, 0.5f}),
                        scalar("ys", 2.0f),
                        zero("xz", 10),
                        tensor("wz", kInt8, {2}, std::vector<std::int8_t>{0, 0}),
                        zero("yz", 100),
                        tensor("b", kInt32, {2}, std::vector<std::int32_t>{100, -100})};
  const Bytes x{10, 20, 30, 40, 50, 60, 70, 80, 90};
  CHECK(parse(model).layers().size() == 1);
  const Bytes y = run<std::uint8_t>(model, x);
  REQUIRE(y.size() == 18);
  // The last pixel lies inside: 40 50 / 70 80 without the zero point, times each kernel.
  CHECK(std::abs(y[8] - (100 + std::nearbyint((40 - 2 * 50 + 3 * 70 - 4 * 80 + 100) * 0.125 / 2))) <= 1);
  CHECK(std::abs(y[17] - (100 + std::nearbyint((9 * 40 + 8 * 50 - 7 * 70 + 6 * 80 - 100) * 0.25 / 2))) <= 1);
  // The first pixel sees padding, which is the zero point: nothing but the last tap of 0.
  CHECK(std::abs(y[0] - (100 + std::nearbyint(100 * 0.125 / 2))) <= 1);

  model.nodes = {node("ConvInteger", {"x", "w", "xz"}, {"y"}, {pads})};
  const auto integers = run<std::int32_t>(model, x);
  CHECK(integers[8] == 40 - 2 * 50 + 3 * 70 - 4 * 80);
  CHECK(integers[0] == 0);
}

TEST_CASE("DynamicQuantizeLinear", "[runtime][quantised]") {
  ModelBytes model;
  model.inputs = {value_info("x", {6})};
  model.outputs = {"y", "s", "z"};
  model.nodes = {node("DynamicQuantizeLinear", {"x"}, {"y", "s", "z"})};
  // ONNX's own example.
  const std::vector<float> x{0, 2, -3, -2.5f, 1.34f, 0.5f};
  CHECK(run<std::uint8_t>(model, x) == Bytes{153, 255, 0, 26, 221, 179});
  model.nodes.push_back(node("DequantizeLinear", {"y", "s", "z"}, {"r"}));
  model.outputs = {"r"};
  const std::vector<float> real = run<float>(model, x);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(std::abs(real[i] - x[i]) <= 5.0f / 255);
}

TEST_CASE("quantising rounds half to even and saturates", "[runtime][quantised]") {
  ModelBytes model;
  model.inputs = {value_info("x", {8})};
  model.outputs = {"y"};
  model.nodes = {node("QuantizeLinear", {"x", "s", "z"}, {"y"})};
  model.initialisers = {scalar("s", 2.0f), tensor("z", kInt8, {}, std::vector<std::int8_t>{-1})};
  const auto y = run<std::int8_t>(model, std::vector<float>{1, 3, 5, -1, -3, 1000, -1000, 0.9f});
  CHECK(std::vector<int>(y.begin(), y.end()) == std::vector<int>{-1, 1, 1, -1, -3, 127, -128, -1});
}

TEST_CASE("stored numbers may be results under two names, and views", "[runtime][quantised]") {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 2, 1, 3}, kUint8)};
  model.initialisers = {scalar("xs", 0.5f), scalar("ys", 0.25f), zero("z", 10)};
  model.nodes = {node("DequantizeLinear", {"x", "xs", "z"}, {"real"}),
                 node("GlobalAveragePool", {"real"}, {"mean"}),
                 node("QuantizeLinear", {"mean", "ys", "z"}, {"y"}), node("Identity", {"y"}, {"same"})};
  model.outputs = {"y", "same"};
  const Model read = parse(model);
  const Plan nhwc = homogeneous_plan(read, 1, ".xnnpack", Layout::nhwc);
  for (const Plan* plan : {static_cast<const Plan*>(nullptr), &nhwc}) {
    Runtime runtime = value_of(Runtime::create(value_of(Program::compile(read, plan))));
    succeeds(runtime.input(0).copy_from(Bytes{10, 20, 30, 40, 50, 60}));
    succeeds(runtime.run());
    for (std::size_t output = 0; output < 2; ++output) {
      const auto values = runtime.output(output).values<std::uint8_t>();
      CHECK(Bytes(values.begin(), values.end()) == Bytes{30, 90});
    }
  }
}

TEST_CASE("damaged quantised operators are refused, with a reason", "[runtime][quantised]") {
  const auto reason = [](const ModelBytes& model) {
    const Result<Model> parsed = Model::parse(onnx_bytes::as_bytes(model.bytes()), "test");
    return parsed ? std::string() : parsed.error().text();
  };
  const std::vector<std::string> all{"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"};
  CHECK(reason(product("QLinearMatMul", all)).empty());
  CHECK(reason(product("QLinearMatMul", {"x", "xs", "xz", "w", "ws", "wz", "ys"})).find("lacks an input") !=
        std::string::npos);
  CHECK(reason(product("MatMulInteger", {"x", "w", "xz", "xs"})).find("zero point") != std::string::npos);
  CHECK(reason(product("MatMulInteger", {"x", "xs"})).find("u8 or s8") != std::string::npos);
  CHECK(reason(product("DequantizeLinear", {"x", "w"})).find("scale of a real type") != std::string::npos);
  for (float bad : {0.0f, -1.0f, INFINITY}) {
    ModelBytes model = product("QLinearMatMul", all);
    model.initialisers[2] = scalar("ws", bad);
    INFO(bad << ": " << reason(model));
    CHECK(reason(model).find("not a positive number") != std::string::npos);
  }
}

TEST_CASE("quantised networks agree with their references under every plan", "[runtime][shared][quantised]") {
  std::vector<std::string> names{"resnet8_cifar10_int8_qdq", "mobilenet_v2_0.5_160_uint8_qdq",
                                 "mcunet_best_144_int8_qdq"};
  if (quick()) names.resize(1);
  if (!std::filesystem::exists(shared_path("models"))) SKIP("no shared models in " << shared_path("models"));
  for (const std::string& name : names) {
    const Model model = value_of(Model::load(shared_model(name)));
    for (const LayerInfo& layer : model.layers()) {
      INFO(layer.id);
      CHECK((layer.macs == 0 || layer.desc.outputs[0].format.scale != 0));
    }
    const auto reference = value_of(io::load_npz(shared_path("refs/" + name + ".npz").string()));
    std::map<std::string, Plan> plans;
    plans["portable nchw"] = homogeneous_plan(model, 2, ".portable", Layout::nchw);
    plans["portable nhwc"] = homogeneous_plan(model, 2, ".portable", Layout::nhwc);
    plans["random"] = random_plan(model, 2, 1);
    plans["default"] = homogeneous_plan(model, 2, ".xnnpack", Layout::nhwc);
    for (const auto& [setting, plan] : plans) {
      INFO(name << ", " << setting);
      const Program program = value_of(Program::compile(model, &plan));
      Runtime runtime = value_of(Runtime::create(program));
      succeeds(runtime.input(0).copy_from(reference.at("input").values<float>()));
      succeeds(runtime.run());
      const auto got = runtime.output(0).values<float>();
      const auto expected = reference.at("output:" + runtime.output(0).info().name).values<float>();
      CHECK(std::max_element(got.begin(), got.end()) - got.begin() ==
            std::max_element(expected.begin(), expected.end()) - expected.begin());
      CHECK(relative_error(got, expected) < 0.1);
    }
  }
}

}  // namespace fettle::test
