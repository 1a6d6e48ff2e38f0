// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/small_floats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// What the largest bit patterns mean.
enum class Specials {
  infinity_and_nan,  // an exponent of all ones, as in IEEE 754
  nan,               // all ones
  unsigned_nan,      // what would be -0: there is one zero, and one NaN
  none
};

// A binary format: a sign, an exponent with its bias, a fraction.
struct SmallFloat {
  int exponent_bits;
  int fraction_bits;
  int bias;
  Specials specials;

  int sign_bit() const { return 1 << (exponent_bits + fraction_bits); }
  int infinity() const { return ((1 << exponent_bits) - 1) << fraction_bits; }
  int nan() const {
    switch (specials) {
      case Specials::infinity_and_nan:
        return infinity() | 1 << (fraction_bits - 1);
      case Specials::nan:
        return sign_bit() - 1;
      case Specials::unsigned_nan:
        return sign_bit();
      case Specials::none:
        break;
    }
    return sign_bit();  // -0, as in the data of ONNX's tests
  }
  // The bits of the largest number.
  int largest() const {
    switch (specials) {
      case Specials::infinity_and_nan:
        return infinity() - 1;
      case Specials::nan:
        return sign_bit() - 2;
      default:
        return sign_bit() - 1;
    }
  }
  bool is_nan(int bits) const {
    switch (specials) {
      case Specials::infinity_and_nan:
        return (bits & (sign_bit() - 1)) > infinity();
      case Specials::nan:
        return (bits & (sign_bit() - 1)) == sign_bit() - 1;
      case Specials::unsigned_nan:
        return bits == sign_bit();
      case Specials::none:
        break;
    }
    return false;
  }
  double value(int bits) const;
  int bits(double value, bool saturate) const;
};

constexpr SmallFloat kFormats[] = {
    {5, 10, 15, Specials::infinity_and_nan},
    {8, 7, 127, Specials::infinity_and_nan},
    {4, 3, 7, Specials::nan},
    {4, 3, 8, Specials::unsigned_nan},
    {5, 2, 15, Specials::infinity_and_nan},
    {5, 2, 16, Specials::unsigned_nan},
    {2, 1, 1, Specials::none},
};

const SmallFloat& format_of(DataType type) {
  switch (type) {
    case DataType::f16:
      return kFormats[0];
    case DataType::bf16:
      return kFormats[1];
    case DataType::f8e4m3fn:
      return kFormats[2];
    case DataType::f8e4m3fnuz:
      return kFormats[3];
    case DataType::f8e5m2:
      return kFormats[4];
    case DataType::f8e5m2fnuz:
      return kFormats[5];
    default:
      return kFormats[6];
  }
}

double SmallFloat::value(int bits) const {
  if (is_nan(bits)) return std::numeric_limits<double>::quiet_NaN();
  const double sign = (bits & sign_bit()) != 0 ? -1.0 : 1.0;
  const int size = bits & (sign_bit() - 1);
  if (specials == Specials::infinity_and_nan && size == infinity())
    return sign * std::numeric_limits<double>::infinity();
  const int field = size >> fraction_bits;
  const int fraction = size & ((1 << fraction_bits) - 1);
  const int significand = field == 0 ? fraction : fraction | 1 << fraction_bits;
  return sign * std::ldexp(static_cast<double>(significand), std::max(field, 1) - bias - fraction_bits);
}

// Rounds to nearest, ties to even.
int SmallFloat::bits(double value, bool saturate) const {
  if (std::isnan(value)) return nan();
  const int sign = std::signbit(value) ? sign_bit() : 0;
  const double size = std::abs(value);
  int rounded = largest() + 1;
  if (!std::isinf(size) && size < std::ldexp(1.0, (1 << exponent_bits) - bias)) {
    const int least = 1 - bias;
    const int exponent = size == 0 ? least : std::max(std::ilogb(size), least);
    // The significand as a whole number; rounding up to the next power of two carries into the exponent.
    rounded = ((exponent - least) << fraction_bits) +
              static_cast<int>(std::nearbyint(std::ldexp(size, fraction_bits - exponent)));
  }
  if (rounded == 0 && specials == Specials::unsigned_nan) return 0;
  if (rounded <= largest()) return sign | rounded;
  if (saturate || specials == Specials::none) return sign | largest();
  if (specials == Specials::infinity_and_nan) return sign | infinity();
  return specials == Specials::nan ? sign | nan() : nan();
}

// f8e8m0: a power of two from 2^-127 to 2^127, or NaN.
constexpr int kPowerBias = 127;
constexpr int kPowerNan = 255;

int power_bits(double value, bool saturate, PowerRounding rounding) {
  const double size = std::abs(value);
  if (std::isnan(size)) return kPowerNan;
  if (std::isinf(size)) return saturate ? kPowerNan - 1 : kPowerNan;
  if (size == 0) return 0;
  const int exponent = std::ilogb(size);
  const double fraction = std::ldexp(size, -exponent) - 1;
  // Of two equally near powers the larger one, as one more digit of a significand would be rounded.
  const bool up =
      rounding == PowerRounding::up ? fraction > 0 : rounding == PowerRounding::nearest && fraction >= 0.5;
  const int power = exponent + kPowerBias + (up ? 1 : 0);
  if (power >= kPowerNan) return saturate ? kPowerNan - 1 : kPowerNan;
  return std::max(power, 0);
}

}  // namespace

double small_float_value(DataType type, std::uint16_t bits) noexcept {
  if (type != DataType::f8e8m0) return format_of(type).value(bits);
  return bits == kPowerNan ? std::numeric_limits<double>::quiet_NaN()
                           : std::ldexp(1.0, static_cast<int>(bits) - kPowerBias);
}

std::uint16_t small_float_bits(DataType type, double value, bool saturate, PowerRounding rounding) noexcept {
  const bool wide = type == DataType::f16 || type == DataType::bf16;
  return static_cast<std::uint16_t>(type == DataType::f8e8m0
                                        ? power_bits(value, saturate, rounding)
                                        : format_of(type).bits(value, saturate && !wide));
}

}  // namespace fettle::kernels::reference
