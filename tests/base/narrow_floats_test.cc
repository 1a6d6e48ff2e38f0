// SPDX-License-Identifier: Apache-2.0
//
// Conversions of float16 and bfloat16: every pattern, and every boundary between two of them.
#include "lib/base/narrow_floats.h"

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fettle {
namespace {

// What a pattern stands for, by the definition of the format.
double meaning(std::uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> fraction_bits;
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

template <typename From, typename To>
void check_format(int fraction_bits, std::uint16_t infinity, From from, To to) {
  bool exact = true;
  bool back = true;
  bool rounded = true;
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const double value = meaning(bits, fraction_bits);
    const float widened = from(bits);
    if (std::isnan(value)) {
      exact = exact && std::isnan(widened);
      continue;
    }
    exact = exact && static_cast<double>(widened) == value && std::signbit(widened) == std::signbit(value);
    back = back && to(widened) == bits;
    if ((bits & 0x7fff) >= infinity) continue;
    // Between this number and the next larger in size: the middle goes to the even one, what is beside it to
    // the nearer one. The number past the largest is infinity, as if the exponent went on.
    const bool last = (bits & 0x7fff) + 1 == infinity;
    const double next = last ? 2 * value - meaning(static_cast<std::uint16_t>(bits - 1), fraction_bits)
                             : meaning(static_cast<std::uint16_t>(bits + 1), fraction_bits);
    const auto middle = static_cast<float>((value + next) / 2);
    const auto above = static_cast<std::uint16_t>(bits + 1);
    const std::uint16_t even = (bits & 1) == 0 ? bits : above;
    const float away = std::signbit(value) ? -INFINITY : INFINITY;
    rounded = rounded && static_cast<double>(middle) == (value + next) / 2 && to(middle) == even &&
              to(std::nextafter(middle, 0.0f)) == bits && to(std::nextafter(middle, away)) == above;
  }
  CHECK(exact);
  CHECK(back);
  CHECK(rounded);
}

}  // namespace

TEST_CASE("float16 is widened exactly and rounded to nearest, ties to even", "[base]") {
  check_format(10, 0x7c00, from_f16, to_f16);
  CHECK(to_f16(65504.0f) == 0x7bff);
  CHECK(to_f16(1e30f) == 0x7c00);
  CHECK(to_f16(-INFINITY) == 0xfc00);
  CHECK(to_f16(NAN) == 0x7e00);
  CHECK(to_f16(-std::numeric_limits<float>::quiet_NaN()) == 0x7e00);
  CHECK(to_f16(1e-30f) == 0);
  CHECK(to_f16(-std::numeric_limits<float>::denorm_min()) == 0x8000);
}

TEST_CASE("bfloat16 is widened exactly and rounded to nearest, ties to even", "[base]") {
  check_format(7, 0x7f80, from_bf16, to_bf16);
  CHECK(to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(to_bf16(NAN) == 0x7fc0);
  CHECK(to_bf16(std::bit_cast<float>(0x7f800001u)) == 0x7fc0);  // a signalling NaN is no infinity
}

}  // namespace fettle
