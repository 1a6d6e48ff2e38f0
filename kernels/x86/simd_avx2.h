// SPDX-License-Identifier: Apache-2.0
//
// Vectors of AVX2 with FMA, for the loops in kernels/common. For files with that instruction set's flags
// alone: the anonymous namespace keeps whatever is made of it inside the file.
#pragma once

#include "kernels/common/simd.h"

#include <immintrin.h>

#include <cstddef>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct Avx2 {
  using Vector = __m256;
  using Mask = __m256i;
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  static constexpr int kReach = 3;

  static Vector load(const float* p) noexcept { return _mm256_loadu_ps(p); }
  static Vector load(const float* p, Mask mask) noexcept { return _mm256_maskload_ps(p, mask); }
  static void store(float* p, Vector x) noexcept { _mm256_storeu_ps(p, x); }
  static void store(float* p, Vector x, Mask mask) noexcept { _mm256_maskstore_ps(p, mask, x); }
  static Vector all(float x) noexcept { return _mm256_set1_ps(x); }
  static Vector broadcast(const float* p) noexcept { return _mm256_broadcast_ss(p); }
  static Mask mask(std::size_t count) noexcept {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane);
  }
  static Vector add(Vector a, Vector b) noexcept { return _mm256_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) noexcept { return _mm256_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) noexcept { return _mm256_mul_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) noexcept { return _mm256_fmadd_ps(a, b, c); }
  static Vector larger(Vector a, Vector b) noexcept { return _mm256_max_ps(a, b); }
  static constexpr bool kLargerKeepsNan = false;
  using Nans = __m256;
  static Nans no_nans() noexcept { return _mm256_setzero_ps(); }
  static Nans with_nans(Nans nans, Vector a, Vector b) noexcept {
    return _mm256_or_ps(nans, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
  }
  static bool any(Nans nans) noexcept { return _mm256_movemask_ps(nans) != 0; }
  // NaN propagates: the instructions return their second operand then.
  static Vector clamp(Vector x, Vector low, Vector high) noexcept {
    return _mm256_min_ps(high, _mm256_max_ps(low, x));
  }

  using Choice = __m256;
  static Vector div(Vector a, Vector b) noexcept { return _mm256_div_ps(a, b); }
  // Estimates gain nothing here: the division is as fast as their correction.
  static Vector ratio(Vector a, Vector b) noexcept { return _mm256_div_ps(a, b); }
  static Vector sqrt(Vector x) noexcept { return _mm256_sqrt_ps(x); }
  static Vector abs(Vector x) noexcept { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
  static Vector with_sign(Vector magnitude, Vector sign) noexcept {
    return _mm256_or_ps(magnitude, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
  }
  static Vector round(Vector x) noexcept {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Vector scale(Vector x, Vector n) noexcept {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
  static Vector scale_normal(Vector x, Vector n) noexcept { return scale(x, n); }
  static Choice less(Vector a, Vector b) noexcept { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
  static Vector select(Choice choice, Vector yes, Vector no) noexcept {
    return _mm256_blendv_ps(no, yes, choice);
  }
  // The instruction returns the second operand with NaN in either, the blend the first if that is NaN.
  static Vector max(Vector a, Vector b) noexcept {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  }
  static Vector min(Vector a, Vector b) noexcept {
    return _mm256_blendv_ps(_mm256_min_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  }
};

static_assert(BroadcastingSimdF32<Avx2>);

}  // namespace
}  // namespace fettle::kernels
