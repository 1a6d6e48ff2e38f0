// SPDX-License-Identifier: Apache-2.0
//
// The constant right operand of a product, stored in panels: as it is, or in fewer bits with activations in
// f32 (weight-only quantisation).
#pragma once

#include "kernels/common/panels.h"
#include "kernels/common/product_shape.h"

#include <cstdint>

namespace fettle::kernels {

/// Stores the right operand `b` of one product, times its alpha, in `panels` (which begins with zeros), and
/// the scale of each column where there are scales. Reads `b` in the order in which it lies.
using PackWeights = void (*)(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                             float* scale) noexcept;

/// How weights are stored, and by what.
struct WeightStorage {
  StoredWeights stored;
  PackWeights pack;
};

void pack_f32_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                      float* scale) noexcept;
void pack_f16_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                      float* scale) noexcept;
void pack_bf16_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                       float* scale) noexcept;
void pack_s8_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                     float* scale) noexcept;

inline constexpr WeightStorage kF32Weights{{}, pack_f32_weights};
/// Divided by each column's scale, a power of two, its largest weight is from 1 to 2: f16 has weights of any
/// magnitude in its range, and rounds those above 2^-14 of their column's largest to 11 bits.
inline constexpr WeightStorage kF16Weights{{sizeof(std::uint16_t), true}, pack_f16_weights};
/// Rounded to 8 bits. Finite weights stay finite.
inline constexpr WeightStorage kBf16Weights{{sizeof(std::uint16_t), false}, pack_bf16_weights};
/// Multiples of each column's scale from -127 to 127, of which its largest weight is one; symmetric. A column
/// that holds NaN or an infinity has NaN as its scale, and so in its results.
inline constexpr WeightStorage kS8Weights{{sizeof(std::int8_t), true}, pack_s8_weights};

}  // namespace fettle::kernels
