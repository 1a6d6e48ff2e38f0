// SPDX-License-Identifier: Apache-2.0
//
// The types of 8 and fewer bits that are only moved and converted.
#pragma once

#include <fettle/types.h>

#include <cstdint>

namespace fettle {

/// Floating-point types of 8 and 4 bits.
constexpr bool is_small_float(DataType type) noexcept {
  return type >= DataType::f8e4m3fn && type <= DataType::f4e2m1;
}

/// The numbers that an integer type of 16 or fewer bits has.
struct IntegerRange {
  std::int32_t low = 0;
  std::int32_t high = 0;

  constexpr bool empty() const noexcept { return low == high; }
};
/// Empty for other types.
constexpr IntegerRange integer_range(DataType type) noexcept {
  switch (type) {
    case DataType::s16:
      return {-32768, 32767};
    case DataType::u16:
      return {0, 65535};
    case DataType::s8:
      return {-128, 127};
    case DataType::u8:
      return {0, 255};
    case DataType::s4:
      return {-8, 7};
    case DataType::u4:
      return {0, 15};
    case DataType::s2:
      return {-2, 1};
    case DataType::u2:
      return {0, 3};
    default:
      return {};
  }
}

}  // namespace fettle
