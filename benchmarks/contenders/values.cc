// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/contenders/values.h"

#include <cstdint>
#include <cstring>
#include <random>

namespace fettle::benchmarks {
namespace {

constexpr unsigned kIntegers = 100;

// Calls body with an element of the C++ type of `type`; false for types that are not comparable.
template <typename Body>
bool with_element(DataType type, const Body& body) {
  switch (type) {
    case DataType::f32:
      body(float{});
      return true;
    case DataType::f64:
      body(double{});
      return true;
    case DataType::s8:
      body(std::int8_t{});
      return true;
    case DataType::u8:
    case DataType::boolean:
      body(std::uint8_t{});
      return true;
    case DataType::s16:
      body(std::int16_t{});
      return true;
    case DataType::u16:
      body(std::uint16_t{});
      return true;
    case DataType::s32:
      body(std::int32_t{});
      return true;
    case DataType::u32:
      body(std::uint32_t{});
      return true;
    case DataType::s64:
      body(std::int64_t{});
      return true;
    case DataType::u64:
      body(std::uint64_t{});
      return true;
    default:
      return false;
  }
}

}  // namespace

bool is_comparable(DataType type) noexcept {
  return with_element(type, [](auto) {});
}

std::vector<std::byte> stored(const Values& values, DataType type) {
  std::vector<std::byte> elements;
  with_element(type, [&]<typename T>(T) {
    elements.resize(values.size() * sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const T element = static_cast<T>(values[i]);
      std::memcpy(elements.data() + i * sizeof(T), &element, sizeof(T));
    }
  });
  return elements;
}

Values read_values(std::span<const std::byte> elements, DataType type) {
  Values values;
  with_element(type, [&]<typename T>(T element) {
    values.resize(elements.size() / sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::memcpy(&element, elements.data() + i * sizeof(T), sizeof(T));
      values[i] = static_cast<float>(element);
    }
  });
  return values;
}

Result<std::vector<Values>> random_inputs(const Model& model) {
  std::vector<Values> inputs;
  std::mt19937 random(1);
  for (const TensorInfo& info : model.inputs()) {
    if (!is_comparable(info.type))
      return Error(ErrorCode::kWrongType, "input " + info.name + " of " + model.name() +
                                              " is neither of 32- or 64-bit floats nor of integers");
    const bool real = info.type == DataType::f32 || info.type == DataType::f64;
    const unsigned count = info.type == DataType::boolean ? 2 : kIntegers;
    Values& values = inputs.emplace_back(static_cast<std::size_t>(info.shape.elements()));
    for (float& value : values)
      value =
          real ? static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f : static_cast<float>(random() % count);
  }
  return inputs;
}

}  // namespace fettle::benchmarks
