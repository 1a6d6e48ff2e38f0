// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// A binary floating-point format of 16 bits.
struct Narrow {
  int digits;       // of the significand, the hidden one included
  int least;        // exponent of the smallest normal number
  int exponent_at;  // position of the exponent's lowest bit
};
constexpr Narrow kHalf{11, -14, 10};
constexpr Narrow kBrain{8, -126, 7};

double narrow_value(std::uint16_t bits, const Narrow& format) {
  const int field = (bits & 0x7fff) >> format.exponent_at;
  const int all_ones = (1 << (15 - format.exponent_at)) - 1;
  const int fraction = bits & ((1 << format.exponent_at) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (field == all_ones)
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  const int significand = field == 0 ? fraction : fraction | 1 << format.exponent_at;
  const int exponent = format.least + std::max(field, 1) - 1 - format.exponent_at;
  return sign * std::ldexp(static_cast<double>(significand), exponent);
}

// Rounds to nearest, ties to even.
std::uint16_t narrow_bits(double value, const Narrow& format) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const int infinity = 0x7fff >> format.exponent_at << format.exponent_at;
  if (std::isnan(value)) return static_cast<std::uint16_t>(infinity | 1 << (format.exponent_at - 1));
  const double size = std::abs(value);
  if (size == 0) return sign;
  if (std::isinf(size)) return static_cast<std::uint16_t>(sign | infinity);
  const int exponent = std::max(std::ilogb(size), format.least);
  // The significand as a whole number; rounding up to the next power of two carries into the exponent.
  const auto whole = static_cast<int>(std::nearbyint(std::ldexp(size, format.digits - 1 - exponent)));
  const int bits = ((exponent - format.least) << format.exponent_at) + whole;
  return static_cast<std::uint16_t>(sign | std::min(bits, infinity));
}

// Conversion that saturates where C++ leaves the result undefined.
template <typename To>
To saturated(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (value >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

template <typename To, typename From>
To converted(From value) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>)
    return saturated<To>(static_cast<double>(value));
  else
    return static_cast<To>(value);
}

template <typename Stored>
const Stored* elements(const void* data) {
  return static_cast<const Stored*>(data);
}

}  // namespace

template <Number T>
T load(DataType type, const void* data, std::int64_t k) noexcept {
  switch (type) {
    case DataType::f32:
      return converted<T>(elements<float>(data)[k]);
    case DataType::f64:
      return converted<T>(elements<double>(data)[k]);
    case DataType::f16:
      return converted<T>(narrow_value(elements<std::uint16_t>(data)[k], kHalf));
    case DataType::bf16:
      return converted<T>(narrow_value(elements<std::uint16_t>(data)[k], kBrain));
    case DataType::s8:
      return converted<T>(elements<std::int8_t>(data)[k]);
    case DataType::u8:
    case DataType::boolean:
      return converted<T>(elements<std::uint8_t>(data)[k]);
    case DataType::s16:
      return converted<T>(elements<std::int16_t>(data)[k]);
    case DataType::u16:
      return converted<T>(elements<std::uint16_t>(data)[k]);
    case DataType::s32:
      return converted<T>(elements<std::int32_t>(data)[k]);
    case DataType::u32:
      return converted<T>(elements<std::uint32_t>(data)[k]);
    case DataType::s64:
      return converted<T>(elements<std::int64_t>(data)[k]);
    case DataType::u64:
      return converted<T>(elements<std::uint64_t>(data)[k]);
    case DataType::undefined:
      break;
  }
  return T{};
}

template <Number T>
void store(DataType type, void* data, std::int64_t k, T value) noexcept {
  switch (type) {
    case DataType::f32:
      static_cast<float*>(data)[k] = static_cast<float>(value);
      break;
    case DataType::f64:
      static_cast<double*>(data)[k] = static_cast<double>(value);
      break;
    case DataType::f16:
      static_cast<std::uint16_t*>(data)[k] = narrow_bits(static_cast<double>(value), kHalf);
      break;
    case DataType::bf16:
      static_cast<std::uint16_t*>(data)[k] = narrow_bits(static_cast<double>(value), kBrain);
      break;
    case DataType::s8:
      static_cast<std::int8_t*>(data)[k] = converted<std::int8_t>(value);
      break;
    case DataType::u8:
      static_cast<std::uint8_t*>(data)[k] = converted<std::uint8_t>(value);
      break;
    case DataType::boolean:
      static_cast<std::uint8_t*>(data)[k] = value != T{} ? 1 : 0;
      break;
    case DataType::s16:
      static_cast<std::int16_t*>(data)[k] = converted<std::int16_t>(value);
      break;
    case DataType::u16:
      static_cast<std::uint16_t*>(data)[k] = converted<std::uint16_t>(value);
      break;
    case DataType::s32:
      static_cast<std::int32_t*>(data)[k] = converted<std::int32_t>(value);
      break;
    case DataType::u32:
      static_cast<std::uint32_t*>(data)[k] = converted<std::uint32_t>(value);
      break;
    case DataType::s64:
      static_cast<std::int64_t*>(data)[k] = converted<std::int64_t>(value);
      break;
    case DataType::u64:
      static_cast<std::uint64_t*>(data)[k] = converted<std::uint64_t>(value);
      break;
    case DataType::undefined:
      break;
  }
}

template <Number T>
T from_real(double value) noexcept {
  return converted<T>(value);
}

template double from_real<double>(double) noexcept;
template std::int64_t from_real<std::int64_t>(double) noexcept;
template std::uint64_t from_real<std::uint64_t>(double) noexcept;
template double load<double>(DataType, const void*, std::int64_t) noexcept;
template std::int64_t load<std::int64_t>(DataType, const void*, std::int64_t) noexcept;
template std::uint64_t load<std::uint64_t>(DataType, const void*, std::int64_t) noexcept;
template void store<double>(DataType, void*, std::int64_t, double) noexcept;
template void store<std::int64_t>(DataType, void*, std::int64_t, std::int64_t) noexcept;
template void store<std::uint64_t>(DataType, void*, std::int64_t, std::uint64_t) noexcept;

Refusal any_number(const LayerDesc& layer, const Cpu& cpu) {
  const Refusal refusal = plain_layouts(layer);
  return refusal == Refusal::none ? any_type(layer, cpu) : refusal;
}

Refusal same_number(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const auto same = [&](const TensorDesc& tensor) { return tensor.format.type == type; };
  const bool all = type != DataType::undefined &&
                   std::all_of(layer.inputs.begin(), layer.inputs.end(), same) &&
                   std::all_of(layer.outputs.begin(), layer.outputs.end(), same);
  return all ? any_number(layer, cpu) : Refusal::data_type;
}

Refusal same_real(const LayerDesc& layer, const Cpu& cpu) {
  return kind_of(layer.inputs.front().format.type) == Kind::real ? same_number(layer, cpu)
                                                                 : Refusal::data_type;
}

}  // namespace fettle::kernels::reference
