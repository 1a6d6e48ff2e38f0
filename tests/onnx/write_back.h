// SPDX-License-Identifier: Apache-2.0
//
// Models written as ONNX files and read again, and whether they compute the same.
#pragma once

#include "tests/common/check.h"

#include <fettle/runtime.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace fettle::test {

using Contents = std::vector<std::vector<std::byte>>;

inline Result<Model> written_and_read(const Model& model) {
  Result<std::string> bytes = model.onnx();
  if (!bytes) return std::move(bytes).error();
  return Model::parse(std::as_bytes(std::span(bytes->data(), bytes->size())), "written");
}

/// Contents of a type: real numbers between -1 and 1, any bytes, and integers of 0 and 1, which may be
/// indices.
inline std::vector<std::byte> random_contents(const TensorInfo& info, std::mt19937& random) {
  std::vector<std::byte> bytes(info.bytes);
  const auto fill = [&](auto zero, auto&& next) {
    using T = decltype(zero);
    for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
      const auto value = static_cast<T>(next());
      std::memcpy(bytes.data() + i, &value, sizeof(T));
    }
  };
  const auto real = [&] { return std::uniform_real_distribution<float>(-1, 1)(random); };
  switch (info.type) {
    case DataType::f32:
      fill(float{}, real);
      break;
    case DataType::f64:
      fill(double{}, real);
      break;
    case DataType::f16:  // 1 to 2
      fill(std::uint16_t{}, [&] { return 0x3c00u + random() % 0x400u; });
      break;
    case DataType::bf16:
      fill(std::uint16_t{}, [&] { return 0x3f80u + random() % 0x80u; });
      break;
    case DataType::u8:
    case DataType::s8:
      fill(std::uint8_t{}, [&] { return random() & 0xffu; });
      break;
    case DataType::s64:
      fill(std::int64_t{}, [&] { return random() % 2; });
      break;
    case DataType::s32:
      fill(std::int32_t{}, [&] { return random() % 2; });
      break;
    default:
      fill(std::uint8_t{}, [&] { return random() % 2; });
      break;
  }
  return bytes;
}

inline Contents random_inputs(const Model& model, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  Contents inputs;
  for (const TensorInfo& input : model.inputs()) inputs.push_back(random_contents(input, random));
  return inputs;
}

inline Result<Contents> outputs_of(const Model& model, const Contents& inputs) {
  Result<Program> program = Program::compile(model);
  if (!program) return std::move(program).error();
  Result<Runtime> runtime = Runtime::create(*program);
  if (!runtime) return std::move(runtime).error();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (Status status = runtime->input(i).copy_from(std::span<const std::byte>(inputs[i])); !status)
      return std::move(status).error();
  }
  if (Status status = runtime->run(); !status) return std::move(status).error();
  Contents outputs;
  for (std::size_t i = 0; i < runtime->output_count(); ++i) {
    const auto bytes = runtime->output(i).bytes();
    outputs.emplace_back(bytes.begin(), bytes.end());
  }
  return outputs;
}

/// The largest difference of two lists of f32, relative to the largest number; infinite where one has a NaN
/// or an infinity that the other has not.
inline double difference_of_floats(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i + sizeof(float) <= a.size(); i += sizeof(float)) {
    float x = 0;
    float y = 0;
    std::memcpy(&x, a.data() + i, sizeof(float));
    std::memcpy(&y, b.data() + i, sizeof(float));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!std::isfinite(x) || !std::isfinite(y)) return INFINITY;
    difference = std::max(difference, std::abs(static_cast<double>(x) - static_cast<double>(y)));
  }
  for (std::size_t i = 0; i + sizeof(float) <= a.size(); i += sizeof(float)) {
    float x = 0;
    std::memcpy(&x, a.data() + i, sizeof(float));
    if (std::isfinite(x)) largest = std::max(largest, std::abs(static_cast<double>(x)));
  }
  return largest == 0 ? difference : difference / largest;
}

/// What of two lists of tensors differs, in words; empty where nothing does. Real numbers may by `tolerance`.
inline std::string interface_difference(std::span<const TensorInfo> a, std::span<const TensorInfo> b) {
  if (a.size() != b.size()) return "another number of inputs or outputs";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name) return a[i].name + " is called " + b[i].name;
    if (!(a[i].shape == b[i].shape)) return a[i].name + " has the shape " + b[i].shape.text();
    if (a[i].type != b[i].type) return a[i].name + " is of type " + std::string(to_string(b[i].type));
  }
  return {};
}

/// What two models differ in: names, shapes, and results for these inputs. Empty where in nothing.
inline std::string model_difference(const Model& a, const Model& b, const Contents& inputs,
                                    double tolerance) {
  for (const auto& [left, right] : {std::pair(a.inputs(), b.inputs()), std::pair(a.outputs(), b.outputs())}) {
    if (std::string text = interface_difference(left, right); !text.empty()) return text;
  }
  const Result<Contents> first = outputs_of(a, inputs);
  const Result<Contents> second = outputs_of(b, inputs);
  if (!first || !second) {
    const bool same = !first && !second && first.error().code() == second.error().code();
    return same ? std::string() : "only one runs: " + (first ? second.error() : first.error()).text();
  }
  for (std::size_t i = 0; i < first->size(); ++i) {
    const std::vector<std::byte>& x = (*first)[i];
    const std::vector<std::byte>& y = (*second)[i];
    if (x == y) continue;
    const std::string name = a.outputs()[i].name;
    if (a.outputs()[i].type != DataType::f32) return name + " differs";
    const double difference = difference_of_floats(x, y);
    if (!(difference <= tolerance)) return name + " differs by " + std::to_string(difference);
  }
  return {};
}

}  // namespace fettle::test
