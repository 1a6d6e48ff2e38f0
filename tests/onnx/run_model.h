// SPDX-License-Identifier: Apache-2.0
//
// Runs a model that was written by hand, and gives what comes out of it.
#pragma once

#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"

#include <fettle/runtime.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace fettle::test {

inline Result<Model> parse(const onnx_bytes::ModelBytes& model, const ModelOptions& options = {}) {
  return Model::parse(onnx_bytes::as_bytes(model.bytes()), "test", options);
}

using Bytes = std::vector<std::byte>;

template <typename T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

/// The outputs of a model for these inputs, with the names and shapes that it gives them.
struct Outputs {
  std::vector<TensorInfo> infos;
  std::vector<Bytes> bytes;

  template <typename T = float>
  std::vector<T> values(std::size_t output = 0) const {
    REQUIRE(infos.at(output).type == data_type_of<T>());
    const auto* first = reinterpret_cast<const T*>(bytes.at(output).data());
    return {first, first + bytes.at(output).size() / sizeof(T)};
  }
  const Shape& shape(std::size_t output = 0) const { return infos.at(output).shape; }
};

inline Outputs run_model(const onnx_bytes::ModelBytes& model, const std::vector<Bytes>& inputs,
                         const ModelOptions& options = {}) {
  const Model parsed = value_of(Model::parse(onnx_bytes::as_bytes(model.bytes()), "test", options));
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parsed))));
  REQUIRE(runtime.input_count() == inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    succeeds(runtime.input(i).copy_from(std::span<const std::byte>(inputs[i])));
  succeeds(runtime.run());
  Outputs outputs;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    outputs.infos.push_back(runtime.output(i).info());
    const auto bytes = runtime.output(i).bytes();
    outputs.bytes.emplace_back(bytes.begin(), bytes.end());
  }
  return outputs;
}

inline Outputs run_model(const onnx_bytes::ModelBytes& model, const std::vector<float>& input) {
  return run_model(model, std::vector<Bytes>{bytes_of(input)});
}

/// Whether two lists are equal, NaN being equal to NaN, and other numbers within `tolerance`.
inline bool alike(const std::vector<float>& a, const std::vector<float>& b, float tolerance = 0) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](float x, float y) {
    return x == y || (std::isnan(x) && std::isnan(y)) || std::abs(x - y) <= tolerance;
  });
}

}  // namespace fettle::test
