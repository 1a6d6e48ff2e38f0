// SPDX-License-Identifier: Apache-2.0
//
// Products of 8-bit integers as sums of 16-bit products, which every instruction set has an instruction for.
// Rows hold turned-over bytes (see quantised.h) in 16 bits, weights come without their zero point, and what
// the input's zero point adds to every sum is part of the bias.
#pragma once

#include "kernels/portable/quantised.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels::portable {

/// Numbers that rows and weights are padded to, so that the loop over them has no rest.
inline constexpr std::int64_t kDepthStep = 16;
constexpr std::int64_t padded_depth(std::int64_t depth) noexcept {
  return (depth + kDepthStep - 1) / kDepthStep * kDepthStep;
}

/// Weights without their zero point, a row of padded depth for each output.
struct WeightRows {
  std::int64_t outputs;
  std::int64_t depth;  ///< padded
  const std::int16_t* weights;
};

/// Packed weights: rows, then for each output a bias and what its sum is multiplied by.
struct ProductQ8 : WeightRows {
  const std::int32_t* bias;
  const float* multipliers;

  ProductQ8(std::int64_t outputs_, std::int64_t depth_, std::span<const std::byte> packed) noexcept;
  static std::size_t bytes(std::int64_t outputs, std::int64_t depth) noexcept;
};

/// Widens bytes into a row and fills it up with zeros.
void widen(const std::uint8_t* bytes, std::int64_t count, std::uint8_t flip, std::int16_t* row) noexcept;

/// sums[r * row_step + (o - first) * output_step] = row r times output o, for outputs [first, last).
void multiply(const WeightRows& w, const std::int16_t* rows, std::int64_t count, std::int64_t first,
              std::int64_t last, std::int32_t* sums, std::int64_t row_step,
              std::int64_t output_step) noexcept;

/// One sum as a byte of the result.
inline std::uint8_t finish(std::int32_t sum, std::int32_t bias, float multiplier,
                           const Target& target) noexcept {
  // The parts may overflow where the whole, which fits, does not.
  const auto whole =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias));
  return target.store(static_cast<float>(whole) * multiplier);
}
/// The sums of neighbouring outputs, from `first` on. Parameters are copies: bytes that are written could
/// otherwise change them, for all that a compiler knows, and the loop would not be vectorised.
inline void finish_outputs(ProductQ8 w, Target target, std::int64_t first, std::int64_t count,
                           const std::int32_t* sums, std::uint8_t* y) noexcept {
  const std::int32_t* bias = w.bias + first;
  const float* multipliers = w.multipliers + first;
  for (std::int64_t i = 0; i < count; ++i) y[i] = finish(sums[i], bias[i], multipliers[i], target);
}
/// Sums of one output for neighbouring pixels.
inline void finish_pixels(const ProductQ8& w, Target target, std::int64_t output, std::int64_t count,
                          const std::int32_t* sums, std::uint8_t* y) noexcept {
  const std::int32_t bias = w.bias[output];
  const float multiplier = w.multipliers[output];
  for (std::int64_t i = 0; i < count; ++i) y[i] = finish(sums[i], bias, multiplier, target);
}

/// Where the packing of a layer puts its numbers.
struct PackedQ8 {
  std::int16_t* weights;
  std::int32_t* bias;
  float* multipliers;
  PackedQ8(std::int64_t outputs, std::int64_t depth, std::span<std::byte> packed) noexcept;
};
/// A stored weight without its zero point.
std::int16_t weight_steps(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                          std::int64_t element) noexcept;

/// Packs `outputs` rows of `depth` weights; element_of(output, k) says where in the constant each stands.
template <typename ElementOf>
void pack_product(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::int64_t outputs,
                  std::int64_t depth, std::span<std::byte> packed, ElementOf&& element_of) noexcept {
  const PackedQ8 target(outputs, depth, packed);
  const auto* bias = reinterpret_cast<const std::int32_t*>(constants[2].data());
  const int zero = flipped_zero(layer.inputs[0].format);
  for (std::int64_t o = 0; o < outputs; ++o) {
    std::int16_t* row = target.weights + o * padded_depth(depth);
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      row[k] = weight_steps(layer, constants, element_of(o, k));
      sum += row[k];
    }
    for (std::int64_t k = depth; k < padded_depth(depth); ++k) row[k] = 0;
    target.bias[o] = static_cast<std::int32_t>(bias[o] - zero * sum);
    target.multipliers[o] = multiplier_of(layer, constants, o);
  }
}

}  // namespace fettle::kernels::portable
