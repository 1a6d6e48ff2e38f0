// SPDX-License-Identifier: Apache-2.0
//
// Small networks that the tests of the runtime share.
#pragma once

#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"

#include <fettle/model.h>
#include <fettle/runtime.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle::test {

/// Numbers between -1 and 1, a different sequence for each seed.
inline std::vector<float> numbers(std::int64_t count, std::uint32_t seed = 1) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return values;
}

inline Model parse(const onnx_bytes::ModelBytes& bytes, const ModelOptions& options = {}) {
  return value_of(Model::parse(onnx_bytes::as_bytes(bytes.bytes()), "test", options));
}
/// The same for the shape of its input x.
inline Model parse(const onnx_bytes::ModelBytes& bytes, const Shape& x) {
  ModelOptions options;
  options.shapes["x"] = x;
  return parse(bytes, options);
}

/// A 3x3 convolution with padding 1, from `inputs` to `outputs` channels: its node, and its weight and bias.
inline void add_convolution(onnx_bytes::ModelBytes& model, const std::string& from, const std::string& to,
                            std::int64_t inputs, std::int64_t outputs) {
  using namespace onnx_bytes;
  model.nodes.push_back(
      node("Conv", {from, to + ".w", to + ".b"}, {to}, {attribute("pads", Dims{1, 1, 1, 1})}, to));
  model.initialisers.push_back(floats(to + ".w", {outputs, inputs, 3, 3},
                                      numbers(outputs * inputs * 9, static_cast<std::uint32_t>(outputs))));
  model.initialisers.push_back(floats(to + ".b", {outputs}, numbers(outputs, 99)));
}

/// x -> conv a (+Relu) -> conv b -> b + a -> Relu -> y, with 8 channels of 12 x 10.
inline onnx_bytes::ModelBytes residual_network() {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("x", {1, 3, 12, 10})};
  model.outputs = {"y"};
  add_convolution(model, "x", "a", 3, 8);
  model.nodes.push_back(node("Relu", {"a"}, {"ra"}, {}, "relu_a"));
  add_convolution(model, "ra", "b", 8, 8);
  model.nodes.push_back(node("Add", {"b", "ra"}, {"s"}, {}, "sum"));
  model.nodes.push_back(node("Relu", {"s"}, {"y"}, {}, "relu_y"));
  return model;
}

/// Pictures of any number, height and width -> conv a -> batch norm -> Relu -> conv b -> mean of each
/// channel, y: (n, 4).
inline onnx_bytes::ModelBytes free_network() {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("x", {-1, 3, -1, -1})};
  model.outputs = {"y"};
  add_convolution(model, "x", "a", 3, 8);
  model.nodes.push_back(
      node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"n"}, {}, "norm"));
  for (const char* name : {"scale", "shift", "mean"})
    model.initialisers.push_back(floats(name, {8}, numbers(8, static_cast<std::uint32_t>(name[0]))));
  model.initialisers.push_back(floats("variance", {8}, std::vector<float>(8, 0.5f)));
  model.nodes.push_back(node("Relu", {"n"}, {"r"}, {}, "relu"));
  add_convolution(model, "r", "b", 8, 4);
  model.nodes.push_back(node("GlobalAveragePool", {"b"}, {"p"}, {}, "pool"));
  model.nodes.push_back(node("Flatten", {"p"}, {"y"}, {}, "flatten"));
  return model;
}

/// Fills all inputs with numbers(), runs, and returns the outputs one after the other.
inline std::vector<float> outputs_of(Runtime& runtime, std::uint32_t seed = 7) {
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    const TensorView input = runtime.input(i);
    succeeds(input.copy_from(numbers(input.shape().elements(), seed + static_cast<std::uint32_t>(i))));
  }
  succeeds(runtime.run());
  std::vector<float> all;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const auto values = runtime.output(i).values<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

inline std::vector<float> outputs_of(const Program& program, std::uint32_t seed = 7) {
  Runtime runtime = value_of(Runtime::create(program));
  return outputs_of(runtime, seed);
}

}  // namespace fettle::test
