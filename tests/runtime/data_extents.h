// SPDX-License-Identifier: Apache-2.0
//
// A network in which the data say how many elements there are, for tests of what follows them.
#pragma once

#include "tests/runtime/models.h"

#include <fettle/plan.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::test::extents {

using namespace onnx_bytes;

using Floats = std::vector<float>;
using Integers = std::vector<std::int64_t>;

inline Message integer(std::string_view name, std::int64_t value) {
  return tensor(name, kInt64, {}, std::vector<std::int64_t>{value});
}

// What of x is larger than 0, one after the other: `picked`, with the number of these as `count`.
inline ModelBytes picking(std::int64_t extent = 6) {
  ModelBytes model;
  model.opset = 13;
  model.inputs = {value_info("x", {extent})};
  model.initialisers = {floats("zero", {}, {0}), integers("axis0", {0}), integers("axis1", {1}),
                        integers("minus", {-1})};
  model.nodes = {node("Greater", {"x", "zero"}, {"mask"}, {}, "mask"),
                 node("NonZero", {"mask"}, {"places"}, {}, "places"),
                 node("Squeeze", {"places", "axis0"}, {"at"}, {}, "at"),
                 node("Gather", {"x", "at"}, {"picked"}, {}, "pick"),
                 node("Shape", {"at"}, {"count"}, {}, "count")};
  model.outputs = {"picked"};
  return model;
}

inline Runtime runtime_of(const ModelBytes& model, const Plan* plan = nullptr,
                          const CompileOptions& options = {}) {
  return value_of(Runtime::create(value_of(Program::compile(parse(model), plan, options))));
}

template <typename T = float>
std::vector<T> run(Runtime& runtime, const Floats& x, std::size_t output = 0) {
  succeeds(runtime.input(0).copy_from(x));
  succeeds(runtime.run());
  const auto values = runtime.output(output).values<T>();
  return {values.begin(), values.end()};
}

inline Error refused(const ModelBytes& model, std::string_view text) {
  return error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelUnsupported, text);
}

// As many elements as there can be, one, and none.
inline const std::vector<Floats> kInputs = {{1, 2, 3, 4, 5, 6},      {-1, -2, -3, 4, -5, -6},
                                            {-1, 0, -3, -4, -5, -6}, {1, -2, 3, -4, 5, -6},
                                            {0, 0, 0, 0, 0, 0},      {6, 5, 4, 3, 2, 1}};

inline Floats positive(const Floats& x) {
  Floats kept;
  for (const float value : x) {
    if (value > 0) kept.push_back(value);
  }
  return kept;
}

}  // namespace fettle::test::extents
