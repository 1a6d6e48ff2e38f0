// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/numbers.h"

#include "kernels/reference/small_floats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

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

// The lowest bits of a whole number, in a byte: those of signed ones with the sign in all bits above.
// Whatever does not fit wraps around, as in the data of ONNX's tests.
template <typename Byte, int bits, typename From>
Byte low_bits(From value) {
  const auto byte = static_cast<std::uint8_t>(converted<std::int64_t>(value));
  const auto shifted = static_cast<std::uint8_t>(byte << (8 - bits));
  return static_cast<Byte>(static_cast<Byte>(shifted) >> (8 - bits));
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
    case DataType::bf16:
      return converted<T>(small_float_value(type, elements<std::uint16_t>(data)[k]));
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
    case DataType::f8e8m0:
    case DataType::f4e2m1:
      return converted<T>(small_float_value(type, elements<std::uint8_t>(data)[k]));
    case DataType::s8:
    case DataType::s4:
    case DataType::s2:
      return converted<T>(elements<std::int8_t>(data)[k]);
    case DataType::u8:
    case DataType::u4:
    case DataType::u2:
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
    case DataType::bf16:
      static_cast<std::uint16_t*>(data)[k] = small_float_bits(type, static_cast<double>(value));
      break;
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
    case DataType::f8e8m0:
    case DataType::f4e2m1:
      static_cast<std::uint8_t*>(data)[k] =
          static_cast<std::uint8_t>(small_float_bits(type, static_cast<double>(value)));
      break;
    case DataType::s4:
      static_cast<std::int8_t*>(data)[k] = low_bits<std::int8_t, 4>(value);
      break;
    case DataType::s2:
      static_cast<std::int8_t*>(data)[k] = low_bits<std::int8_t, 2>(value);
      break;
    case DataType::u4:
      static_cast<std::uint8_t*>(data)[k] = low_bits<std::uint8_t, 4>(value);
      break;
    case DataType::u2:
      static_cast<std::uint8_t*>(data)[k] = low_bits<std::uint8_t, 2>(value);
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
