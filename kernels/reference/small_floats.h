// SPDX-License-Identifier: Apache-2.0
//
// Floating-point formats of 16 and fewer bits, as ONNX defines them (operator specification, Cast).
#pragma once

#include <fettle/types.h>

#include <cstdint>

namespace fettle::kernels::reference {

/// What becomes of a number that lies between two that f8e8m0 has, which are powers of two.
enum class PowerRounding { up, down, nearest };

/// The number that the lowest bits of `bits` stand for in a floating-point type of 16 or fewer bits.
double small_float_value(DataType type, std::uint16_t bits) noexcept;
/// The bits of the nearest number of the type, of two the even one. f16 and bf16 overflow to infinity; types
/// of 8 bits saturate, or overflow to infinity or NaN where they have it; f4e2m1 saturates always. f8e8m0 is
/// rounded as `rounding` says, and has no sign.
std::uint16_t small_float_bits(DataType type, double value, bool saturate = true,
                               PowerRounding rounding = PowerRounding::up) noexcept;

}  // namespace fettle::kernels::reference
