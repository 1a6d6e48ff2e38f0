// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/difference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace fettle::cli {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

struct F16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

double real(float value) { return value; }
double real(double value) { return value; }
double real(Bf16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16); }
double real(F16 value) {
  const int exponent = value.bits >> 10 & 31;
  const int fraction = value.bits & 1023;
  double magnitude = std::ldexp(fraction, -24);  // subnormal
  if (exponent == 31)
    magnitude = fraction == 0 ? kInfinite : std::numeric_limits<double>::quiet_NaN();
  else if (exponent > 0)
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  return (value.bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <typename T>
double distance(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    // Exact also where doubles are not.
    const auto low = static_cast<std::uint64_t>(std::min(a, b));
    return static_cast<double>(static_cast<std::uint64_t>(std::max(a, b)) - low);
  } else {
    return std::abs(real(a) - real(b));
  }
}

template <typename T>
double magnitude(T value) {
  if constexpr (std::is_integral_v<T>)
    return std::abs(static_cast<double>(value));
  else
    return std::abs(real(value));
}

// Where subtraction does not tell: false unless one of them is not finite.
template <typename T>
bool is_special(T a, T b) {
  return !std::isfinite(magnitude(a)) || !std::isfinite(magnitude(b));
}

template <typename T>
bool same_special(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return (std::isnan(real(a)) && std::isnan(real(b))) || real(a) == real(b);
}

template <typename T>
T element(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
double compare(std::span<const std::byte> values, std::span<const std::byte> reference) {
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < values.size() / sizeof(T); ++i) {
    const T value = element<T>(values, i);
    const T expected = element<T>(reference, i);
    if (is_special(value, expected)) {
      if (!same_special(value, expected)) return kInfinite;
      continue;
    }
    largest = std::max(largest, magnitude(expected));
    difference = std::max(difference, distance(value, expected));
  }
  if (difference == 0) return 0;
  return largest == 0 ? kInfinite : difference / largest;
}

// Types of 8 and fewer bits are only moved and converted: what is right is right to the bit.
double compare_bits(std::span<const std::byte> values, std::span<const std::byte> reference) {
  return std::equal(values.begin(), values.end(), reference.begin(), reference.end()) ? 0 : kInfinite;
}

double compare_truth(std::span<const std::byte> values, std::span<const std::byte> reference) {
  const auto same = [](std::byte a, std::byte b) { return (a != std::byte{0}) == (b != std::byte{0}); };
  return std::equal(values.begin(), values.end(), reference.begin(), same) ? 0 : kInfinite;
}

}  // namespace

double relative_error(DataType type, std::span<const std::byte> values,
                      std::span<const std::byte> reference) {
  if (values.size() != reference.size()) return kInfinite;
  switch (type) {
    case DataType::f32:
      return compare<float>(values, reference);
    case DataType::f64:
      return compare<double>(values, reference);
    case DataType::f16:
      return compare<F16>(values, reference);
    case DataType::bf16:
      return compare<Bf16>(values, reference);
    case DataType::s8:
      return compare<std::int8_t>(values, reference);
    case DataType::u8:
      return compare<std::uint8_t>(values, reference);
    case DataType::s16:
      return compare<std::int16_t>(values, reference);
    case DataType::u16:
      return compare<std::uint16_t>(values, reference);
    case DataType::s32:
      return compare<std::int32_t>(values, reference);
    case DataType::u32:
      return compare<std::uint32_t>(values, reference);
    case DataType::s64:
      return compare<std::int64_t>(values, reference);
    case DataType::u64:
      return compare<std::uint64_t>(values, reference);
    case DataType::boolean:
      return compare_truth(values, reference);
    case DataType::f8e4m3fn:
    case DataType::f8e4m3fnuz:
    case DataType::f8e5m2:
    case DataType::f8e5m2fnuz:
    case DataType::f8e8m0:
    case DataType::f4e2m1:
      return compare_bits(values, reference);
    case DataType::s4:
    case DataType::s2:
      return compare<std::int8_t>(values, reference);
    case DataType::u4:
    case DataType::u2:
      return compare<std::uint8_t>(values, reference);
    case DataType::undefined:
      break;
  }
  return kInfinite;
}

}  // namespace fettle::cli
