// SPDX-License-Identifier: Apache-2.0
//
// What portable kernels of quantised layers share. s8 is computed as u8: with its highest bit turned over a
// byte is 128 larger, and so is the zero point. Rounding is done by an addition that compilers vectorise.
#pragma once

#include "lib/base/quantise.h"

#include <fettle/kernel.h>

#include <bit>
#include <cstdint>

namespace fettle::kernels::portable {

constexpr std::uint8_t flip_of(DataType type) noexcept { return type == DataType::s8 ? 0x80 : 0; }
/// The zero point among the turned-over bytes: 0 to 255.
constexpr int flipped_zero(const Format& format) noexcept {
  return format.zero_point + (format.type == DataType::s8 ? 128 : 0);
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

/// The target of the layer's only result.
Target target_of(const LayerDesc& layer) noexcept;

/// Whether every operand and result is quantised, and all of rank 3 and more have one layout, nchw or nhwc.
Refusal uniform_q8(const LayerDesc& layer);
/// Whether the tensor is in that layout, or has none: constants, and those of fewer axes than 3.
bool fits_layout(const TensorDesc& tensor, Layout layout) noexcept;
/// 8-bit numbers with a scale that can be computed with.
bool is_quantised(const TensorDesc& tensor) noexcept;
/// The same for a conv, gemm or matmul with constant weights: x, weight, bias, and scales if there.
Refusal check_q8_product(const LayerDesc& layer, std::int64_t outputs);

// The entries of quantised layers, and of those that quantise an operand.
const Kernel& conv_q8_entry() noexcept;
const Kernel& depthwise_q8_entry() noexcept;
const Kernel& conv_dynamic_entry() noexcept;
std::span<const Kernel* const> product_q8_entries() noexcept;
std::span<const Kernel* const> product_dynamic_entries() noexcept;
std::span<const Kernel* const> pooling_q8_entries() noexcept;
std::span<const Kernel* const> convert_q8_entries() noexcept;
std::span<const Kernel* const> elementwise_q8_entries() noexcept;

}  // namespace fettle::kernels::portable
