// SPDX-License-Identifier: Apache-2.0
//
// What an instruction set's vectors of f32 must offer to the loops of this folder. simd_neon.h, simd_avx2.h
// and simd_avx512.h each have one struct that does, in an anonymous namespace; their comments only say what
// is special about the instructions. Whoever adds an instruction set begins by copying one of them.
#pragma once

#include <concepts>
#include <cstddef>

namespace fettle::kernels {

template <typename T>
concept SimdF32 = requires(typename T::Vector x, typename T::Mask mask, typename T::Choice choice,
                           const float* from, float* to, std::size_t count, float value) {
  // Elements of a vector; vector registers; vectors at equal distances that one pointer reaches by addressing
  // alone (base, base + index, base + 2 * index: 3 on x86 and aarch64).
  { T::kLanes } -> std::convertible_to<int>;
  { T::kRegisters } -> std::convertible_to<int>;
  { T::kReach } -> std::convertible_to<int>;

  // The first `count` lanes, 1 to kLanes of them.
  { T::mask(count) } -> std::same_as<typename T::Mask>;
  // Unaligned. Lanes outside of the mask are neither read nor written; loaded, they are 0.
  { T::load(from) } -> std::same_as<typename T::Vector>;
  { T::load(from, mask) } -> std::same_as<typename T::Vector>;
  { T::store(to, x) } -> std::same_as<void>;
  { T::store(to, x, mask) } -> std::same_as<void>;
  { T::all(value) } -> std::same_as<typename T::Vector>;

  { T::add(x, x) } -> std::same_as<typename T::Vector>;
  { T::sub(x, x) } -> std::same_as<typename T::Vector>;
  { T::mul(x, x) } -> std::same_as<typename T::Vector>;
  // a * b + c, rounded once.
  { T::fma(x, x, x) } -> std::same_as<typename T::Vector>;
  // The larger of a and b where neither is NaN, by the fastest instruction. With NaN in either: NaN if
  // kLargerKeepsNan, else b.
  { T::larger(x, x) } -> std::same_as<typename T::Vector>;
  { T::kLargerKeepsNan } -> std::convertible_to<bool>;
  // min(max(x, low), high); NaN stays NaN.
  { T::clamp(x, x, x) } -> std::same_as<typename T::Vector>;

  // What elementwise functions need besides.
  { T::div(x, x) } -> std::same_as<typename T::Vector>;
  // a / b within two units in the last place, for b from 1 on, infinity included.
  { T::ratio(x, x) } -> std::same_as<typename T::Vector>;
  { T::sqrt(x) } -> std::same_as<typename T::Vector>;
  { T::abs(x) } -> std::same_as<typename T::Vector>;
  // The first operand, which is not negative, with the sign of the second.
  { T::with_sign(x, x) } -> std::same_as<typename T::Vector>;
  // To the nearest integer, for magnitudes below 2^22.
  { T::round(x) } -> std::same_as<typename T::Vector>;
  // x * 2^n for integral n from -127, which gives 0, to 127; and the same where no result is subnormal.
  { T::scale(x, x) } -> std::same_as<typename T::Vector>;
  { T::scale_normal(x, x) } -> std::same_as<typename T::Vector>;
  // a < b, false with NaN; and the choice between two vectors by it.
  { T::less(x, x) } -> std::same_as<typename T::Choice>;
  { T::select(choice, x, x) } -> std::same_as<typename T::Vector>;
  // NaN if either operand is NaN.
  { T::max(x, x) } -> std::same_as<typename T::Vector>;
  { T::min(x, x) } -> std::same_as<typename T::Vector>;
};

/// Has loads that fill a vector with one element of memory as fast as plain ones (NEON multiplies by lanes
/// instead), and remembers where NaN occurred for a `larger` that loses it.
template <typename T>
concept BroadcastingSimdF32 = SimdF32<T> &&
    requires(typename T::Vector x, const float* from, typename T::Nans nans) {
  { T::broadcast(from) } -> std::same_as<typename T::Vector>;
  { T::no_nans() } -> std::same_as<typename T::Nans>;
  // Marks the lanes in which a or b is NaN.
  { T::with_nans(nans, x, x) } -> std::same_as<typename T::Nans>;
  { T::any(nans) } -> std::same_as<bool>;
};

}  // namespace fettle::kernels
