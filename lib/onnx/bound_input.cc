// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/bound_input.h"

#include "lib/base/checked.h"
#include "lib/base/narrow_floats.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace fettle::onnx_import {
namespace {

template <typename T>
void append(std::vector<std::byte>& bytes, T number) {
  std::array<std::byte, sizeof(T)> raw;
  std::memcpy(raw.data(), &number, sizeof(T));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

// Whether the type has the number; then it is appended.
template <typename T>
bool append_integer(std::vector<std::byte>& bytes, std::int64_t number) {
  if (!std::in_range<T>(number)) return false;
  append(bytes, static_cast<T>(number));
  return true;
}

bool append_number(std::vector<std::byte>& bytes, DataType type, std::int64_t number) {
  switch (type) {
    case DataType::boolean:
      if (number != 0 && number != 1) return false;
      append(bytes, static_cast<std::uint8_t>(number));
      return true;
    case DataType::s8:
      return append_integer<std::int8_t>(bytes, number);
    case DataType::u8:
      return append_integer<std::uint8_t>(bytes, number);
    case DataType::s16:
      return append_integer<std::int16_t>(bytes, number);
    case DataType::u16:
      return append_integer<std::uint16_t>(bytes, number);
    case DataType::s32:
      return append_integer<std::int32_t>(bytes, number);
    case DataType::u32:
      return append_integer<std::uint32_t>(bytes, number);
    case DataType::s64:
      return append_integer<std::int64_t>(bytes, number);
    case DataType::u64:
      return append_integer<std::uint64_t>(bytes, number);
    default:
      return false;
  }
}

// Nothing that is finite may become infinite.
bool append_real(std::vector<std::byte>& bytes, DataType type, double number) {
  if (type == DataType::f64) {
    append(bytes, number);
    return true;
  }
  const bool fits =
      !std::isfinite(number) || std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max());
  if (!fits) return false;
  const auto real = static_cast<float>(number);
  if (type == DataType::f32) {
    append(bytes, real);
    return true;
  }
  const std::uint16_t narrow = type == DataType::f16 ? to_f16(real) : to_bf16(real);
  const float back = type == DataType::f16 ? from_f16(narrow) : from_bf16(narrow);
  append(bytes, narrow);
  return std::isfinite(back) || !std::isfinite(real);
}

bool is_real(DataType type) {
  return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16 || type == DataType::f64;
}

// Whether an integer has the same value, as far as doubles tell integers apart.
bool is_whole(double number) {
  return std::abs(number) <= 9007199254740992.0 && number == std::trunc(number);
}

Error no_number_of(const std::string& name, const std::string& number, DataType type) {
  return {ErrorCode::kInvalidArgument,
          "what is bound to input " + name + ": " + number + " is no number of type " +
              std::string(to_string(type)),
          "bind numbers of the input's type; `fettle inspect` shows it"};
}

// The shortest text of a number.
template <typename T>
std::string text_of(T number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

// Numbers in an input's own type, in its shape where that is known.
Result<BoundInput> from_numbers(const graph::DeclaredInput& declared, DataType type,
                                const BoundInput& given) {
  BoundInput bound;
  bound.type = type;
  const std::size_t count = given.reals.empty() ? given.integers.size() : given.reals.size();
  bound.shape = declared.free() ? Shape{static_cast<std::int64_t>(count)} : *declared.shape;
  for (const std::int64_t number : given.integers) {
    const bool fits = is_real(type) ? append_real(bound.bytes, type, static_cast<double>(number))
                                    : append_number(bound.bytes, type, number);
    if (!fits) return no_number_of(declared.name, text_of(number), type);
  }
  for (const double number : given.reals) {
    const bool fits = is_real(type) ? append_real(bound.bytes, type, number)
                                    : is_whole(number) &&
                                          append_number(bound.bytes, type, static_cast<std::int64_t>(number));
    if (!fits) return no_number_of(declared.name, text_of(number), type);
  }
  return bound;
}

}  // namespace

Result<BoundInput> contents_of(const graph::DeclaredInput& declared, DataType type, const BoundInput& given,
                               const ModelLimits& limits) {
  if (!given.integers.empty() && !given.reals.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "input " + declared.name + " is bound to integers and to real numbers",
                 "give one list of them");
  }
  Result<BoundInput> bound =
      given.type == DataType::undefined ? from_numbers(declared, type, given) : Result<BoundInput>(given);
  if (!bound) return bound;
  const auto elements = checked_elements(bound->shape.dims(), limits.tensor_elements);
  const auto bytes = elements ? checked_bytes(*elements, bound->type) : std::nullopt;
  if (bound->type == type && declared.fits(bound->shape) && bytes == bound->bytes.size()) return bound;
  return Error(ErrorCode::kWrongShape,
               "what is bound to input " + declared.name + ", " + std::string(to_string(bound->type)) + " " +
                   bound->shape.text() + " in " + std::to_string(bound->bytes.size()) +
                   " bytes, does not fit its type " + std::string(to_string(type)) + " or its shape",
               "bind as many numbers as the input has, of its type; `fettle inspect` shows both");
}

}  // namespace fettle::onnx_import
