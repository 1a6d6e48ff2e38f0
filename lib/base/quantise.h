// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic of quantised values: real = scale * (stored - zero_point). Everything rounds half to even and
// saturates, as ONNX does.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace fettle {

/// The types that activations and weights are quantised to.
constexpr bool is_quantised_type(DataType type) noexcept {
  return type == DataType::u8 || type == DataType::s8;
}

constexpr int lowest_of(DataType type) noexcept { return type == DataType::s8 ? -128 : 0; }
constexpr int highest_of(DataType type) noexcept { return type == DataType::s8 ? 127 : 255; }

/// Whether a scale can be computed with: a positive, finite number that is not denormal.
inline bool is_valid_scale(float scale) noexcept { return std::isnormal(scale) && scale > 0; }

/// round(value) + zero, saturated to [low, high]; NaN gives `zero`.
inline int quantise(double value, int zero, int low, int high) noexcept {
  if (std::isnan(value)) return std::clamp(zero, low, high);
  // Beyond these the result is saturated anyway, and within them the conversion is defined.
  constexpr double kFar = 1 << 30;
  const double rounded = std::nearbyint(std::clamp(value, -kFar, kFar));
  return static_cast<int>(std::clamp<std::int64_t>(static_cast<std::int64_t>(rounded) + zero, low, high));
}

/// How u8 stores numbers whose range is known at run time only, as ONNX's DynamicQuantizeLinear has it: 0 is
/// within the range, whose ends are the least and the greatest byte.
struct DynamicRange {
  float low = 0;
  float high = 0;

  /// NaN changes nothing.
  void include(float value) noexcept {
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  float scale() const noexcept { return high == low ? 1.0f : (high - low) / 255.0f; }
  int zero_point() const noexcept { return quantise(static_cast<double>(-low / scale()), 0, 0, 255); }
};
/// A number of that range in u8. Divided in f32, as ONNX says.
inline int quantise_dynamic(float value, float scale, int zero_point) noexcept {
  return quantise(static_cast<double>(value / scale), zero_point, 0, 255);
}

/// What stored numbers a result may have: those of its type, within the clamp.
struct StoredRange {
  int low;
  int high;
};
inline StoredRange stored_range(const std::optional<Clamp>& clamp, const Format& format) noexcept {
  StoredRange range{lowest_of(format.type), highest_of(format.type)};
  if (!clamp) return range;
  const double scale = static_cast<double>(format.scale);
  const auto stored = [&](float bound) {
    return quantise(static_cast<double>(bound) / scale, format.zero_point, range.low, range.high);
  };
  return {stored(clamp->low), stored(clamp->high)};
}

/// Whether an integer layer may multiply a sum by this before rounding it: what it computes with in f32 then
/// stays far from overflow, and libraries behind kernels accept it.
inline bool is_valid_multiplier(double multiplier) noexcept { return multiplier > 0 && multiplier < 256; }

/// What a sum of products of integers is multiplied by, in f32, before it is rounded to a stored number. It
/// is itself computed in f32, in this order, as other runtimes do: sums that lie between two stored numbers
/// then go the same way.
inline float product_multiplier(float x_scale, float weight_scale, float result_scale) noexcept {
  return x_scale * weight_scale / result_scale;
}

/// A sum of `depth` products of two 8-bit numbers without their zero points is never larger.
constexpr std::int64_t largest_sum(std::int64_t depth) noexcept { return depth * 255 * 255; }
/// The depth up to which such a sum fits 32 bits, with as much room again for the bias.
inline constexpr std::int64_t kMaxQuantisedDepth = 16384;

}  // namespace fettle
