// SPDX-License-Identifier: Apache-2.0
//
// Bytes of quantised values. s8 is computed as u8: with its highest bit turned over a byte is 128 larger, and
// so is the zero point. Rounding is done by an addition that compilers vectorise.
#pragma once

#include "lib/base/quantise.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

namespace fettle::kernels {

/// What turns bytes of a type over for loops that multiply s8 or u8, and the zero point among those bytes.
constexpr std::uint8_t flip_to(bool is_signed, DataType type) noexcept {
  return (type == DataType::s8) == is_signed ? 0 : 0x80;
}
constexpr int zero_among(bool is_signed, const Format& format) noexcept {
  if (flip_to(is_signed, format.type) == 0) return format.zero_point;
  return format.zero_point + (is_signed ? -128 : 128);
}

/// The same for what is computed as u8, and its zero point there: 0 to 255.
constexpr std::uint8_t flip_of(DataType type) noexcept { return flip_to(false, type); }
constexpr int flipped_zero(const Format& format) noexcept { return zero_among(false, format); }

/// What steps of one quantisation are in those of another.
inline float scale_ratio_q8(const Format& from, const Format& to) noexcept {
  return static_cast<float>(static_cast<double>(from.scale) / static_cast<double>(to.scale));
}

/// Bytes of an operand as steps of its scale.
struct Source {
  float scale;
  int zero;
  std::uint8_t flip;

  explicit Source(const Format& format) noexcept
      : scale(format.scale), zero(flipped_zero(format)), flip(flip_of(format.type)) {}
  int steps(std::uint8_t byte) const noexcept { return static_cast<int>(byte ^ flip) - zero; }
};

/// Rounds real numbers in units of a result's scale to bytes.
struct Target {
  float low;  ///< the least and greatest results, in steps from the zero point
  float high;
  int zero;
  std::uint8_t flip;

  Target(const std::optional<Clamp>& clamp, const Format& format) noexcept
      : zero(flipped_zero(format)), flip(flip_of(format.type)) {
    const StoredRange range = stored_range(clamp, format);
    low = static_cast<float>(range.low - format.zero_point);
    high = static_cast<float>(range.high - format.zero_point);
  }
  std::uint8_t store(float units) const noexcept {
    // Added to a small number, 1.5 * 2^23 leaves it rounded half to even in the low bits.
    constexpr float kRound = 12582912.0f;
    const float bounded = std::min(std::max(low, units), high);  // NaN becomes the lower bound
    const std::int32_t steps =
        std::bit_cast<std::int32_t>(bounded + kRound) - std::bit_cast<std::int32_t>(kRound);
    return static_cast<std::uint8_t>(static_cast<std::uint8_t>(steps + zero) ^ flip);
  }
};

/// Weights of a layer are stored in so many bytes. What 8 bits leave of their zero point: s8 is stored as it
/// is, u8 less 128, and the sum of x's bytes times this is added to each sum of products. 16 bits hold all.
inline int left_of_zero_point(int weight_bytes, const LayerDesc& layer) noexcept {
  const Format& weights = layer.inputs[1].format;
  const int middle = weights.type == DataType::u8 ? 128 : 0;
  return weight_bytes == 1 ? middle - weights.zero_point : 0;
}

/// The target of the layer's only result.
inline Target target_of(const LayerDesc& layer) noexcept {
  return {layer.parts.back().clamp, layer.outputs.front().format};
}

}  // namespace fettle::kernels
