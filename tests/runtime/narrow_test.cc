// SPDX-License-Identifier: Apache-2.0
//
// Networks in float16 and bfloat16 beside the same ones in f32.
#include "lib/base/narrow_floats.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

struct Type {
  int onnx;
  DataType type;
  double rounding;  // of one number, relative
};
constexpr Type kF32{kFloat, DataType::f32, 0};
constexpr Type kF16{10, DataType::f16, 1.0 / 2048};
constexpr Type kBf16{16, DataType::bf16, 1.0 / 256};

std::vector<std::uint16_t> narrowed(const Type& type, const std::vector<float>& values) {
  std::vector<std::uint16_t> stored;
  for (float value : values) stored.push_back(type.type == DataType::f16 ? to_f16(value) : to_bf16(value));
  return stored;
}

Message initialiser(const Type& type, std::string_view name, const Dims& dims,
                    const std::vector<float>& values) {
  if (type.onnx == kFloat) return floats(name, dims, values);
  return tensor(name, type.onnx, dims, narrowed(type, values));
}

// Two convolutions with a residual, a pool, and softmax over what a transpose has moved.
ModelBytes network(const Type& type) {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 4, 8, 8}, type.onnx)};
  const auto convolution = [&](const std::string& from, const std::string& to, std::uint32_t seed) {
    std::vector<float> weights = numbers(4 * 4 * 9, seed);
    for (float& weight : weights) weight *= 0.25f;
    model.initialisers.push_back(initialiser(type, to + ".w", {4, 4, 3, 3}, weights));
    model.initialisers.push_back(initialiser(type, to + ".b", {4}, numbers(4, seed + 1)));
    model.nodes.push_back(
        node("Conv", {from, to + ".w", to + ".b"}, {to}, {attribute("pads", Dims{1, 1, 1, 1})}, to));
  };
  convolution("x", "a", 3);
  model.nodes.push_back(node("Relu", {"a"}, {"ra"}, {}, "relu"));
  convolution("ra", "b", 5);
  model.nodes.push_back(node("Add", {"b", "ra"}, {"s"}, {}, "sum"));
  model.nodes.push_back(node("GlobalAveragePool", {"s"}, {"p"}, {}, "pool"));
  model.nodes.push_back(node("Transpose", {"s"}, {"t"}, {attribute("perm", Dims{0, 2, 3, 1})}, "turn"));
  model.nodes.push_back(node("Softmax", {"t"}, {"y"}, {attribute("axis", std::int64_t{-1})}, "soft"));
  model.outputs = {"p", "y"};
  return model;
}

std::vector<std::vector<float>> run(const ModelBytes& bytes, const Type& type) {
  const Model model = parse(bytes);
  CHECK(model.inputs()[0].type == type.type);
  const Program program = value_of(Program::compile(model));
  for (const StepInfo& step : program.steps()) {
    INFO(step.layer << " " << step.kernel << ": " << step.desc.text());
    CHECK_FALSE(step.reference);
  }
  Runtime runtime = value_of(Runtime::create(program));
  const std::vector<float> given = numbers(4 * 8 * 8, 11);
  if (type.onnx == kFloat) {
    std::ranges::copy(given, runtime.input(0).values<float>().begin());
  } else {
    const std::vector<std::uint16_t> stored = narrowed(type, given);
    const auto bytes_given = std::as_bytes(std::span(stored));
    REQUIRE(runtime.input(0).bytes().size() == bytes_given.size());
    std::ranges::copy(bytes_given, runtime.input(0).bytes().begin());
  }
  REQUIRE(runtime.run());
  std::vector<std::vector<float>> outputs;
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(model.outputs()[i].type == type.type);
    std::vector<float>& values = outputs.emplace_back(model.outputs()[i].shape.elements());
    const auto got = runtime.output(i).bytes();
    if (type.onnx == kFloat)
      std::memcpy(values.data(), got.data(), got.size());
    else
      widen(type.type, {reinterpret_cast<const std::uint16_t*>(got.data()), values.size()}, values);
  }
  return outputs;
}

}  // namespace

TEST_CASE("a network in float16 or bfloat16 gives what it gives in f32, and none of it by reference kernels",
          "[runtime]") {
  const std::vector<std::vector<float>> expected = run(network(kF32), kF32);
  for (const Type& type : {kF16, kBf16}) {
    const std::vector<std::vector<float>> got = run(network(type), type);
    for (std::size_t i = 0; i < 2; ++i) {
      double worst = 0;
      double largest = 0;
      for (std::size_t k = 0; k < expected[i].size(); ++k) {
        const auto right = static_cast<double>(expected[i][k]);
        worst = std::max(worst, std::abs(static_cast<double>(got[i][k]) - right));
        largest = std::max(largest, std::abs(right));
      }
      // Inputs, weights and outputs are rounded once each; sums of 36 products even that out.
      CHECK(worst > 0);
      CHECK(worst <= 8 * type.rounding * largest);
    }
  }
}

TEST_CASE("a narrow network for other shapes shares its widened weights", "[runtime]") {
  ModelBytes bytes = network(kF16);
  bytes.inputs = {value_info("x", {1, 4, -1, 8}, kF16.onnx)};
  ModelOptions options;
  options.shapes["x"] = Shape{1, 4, 8, 8};
  const Model model = parse(bytes, options);
  const Model taller = value_of(model.with_shapes({{"x", Shape{1, 4, 16, 8}}}));
  REQUIRE(taller.layers().size() == model.layers().size());
  for (std::size_t i = 0; i < model.layers().size(); ++i)
    CHECK(taller.layers()[i].id == model.layers()[i].id);
  CompileOptions compile;
  compile.weights = std::make_shared<WeightStore>();
  const Program one = value_of(Program::compile(model, nullptr, compile));
  const std::size_t alone = compile.weights->bytes();
  const Program other = value_of(Program::compile(taller, nullptr, compile));
  CHECK(compile.weights->bytes() == alone);
}

}  // namespace fettle::test
