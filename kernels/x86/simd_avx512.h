// SPDX-License-Identifier: Apache-2.0
//
// Vectors of AVX-512, for the loops in kernels/common. For files with that instruction set's flags alone: the
// anonymous namespace keeps whatever is made of it inside the file.
#pragma once

#include "kernels/common/simd.h"

#include <immintrin.h>

#include <cstddef>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct Avx512 {
  using Vector = __m512;
  using Mask = __mmask16;
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  static constexpr int kReach = 3;

  static Vector load(const float* p) noexcept { return _mm512_loadu_ps(p); }
  static Vector load(const float* p, Mask mask) noexcept { return _mm512_maskz_loadu_ps(mask, p); }
  static void store(float* p, Vector x) noexcept { _mm512_storeu_ps(p, x); }
  static void store(float* p, Vector x, Mask mask) noexcept { _mm512_mask_storeu_ps(p, mask, x); }
  static Vector all(float x) noexcept { return _mm512_set1_ps(x); }
  static Vector broadcast(const float* p) noexcept { return _mm512_set1_ps(*p); }
  static Mask mask(std::size_t count) noexcept { return static_cast<Mask>((1u << count) - 1u); }
  static Vector add(Vector a, Vector b) noexcept { return _mm512_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) noexcept { return _mm512_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) noexcept { return _mm512_mul_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) noexcept { return _mm512_fmadd_ps(a, b, c); }
  static Vector larger(Vector a, Vector b) noexcept { return _mm512_max_ps(a, b); }
  static constexpr bool kLargerKeepsNan = false;
  // Lanes in which nothing was NaN: comparing under a mask keeps zeros.
  using Nans = __mmask16;
  static Nans no_nans() noexcept { return 0xffff; }
  static Nans with_nans(Nans nans, Vector a, Vector b) noexcept {
    return _mm512_mask_cmp_ps_mask(nans, a, b, _CMP_ORD_Q);
  }
  static bool any(Nans nans) noexcept { return nans != 0xffff; }
  // NaN propagates: the instructions return their second operand then.
  static Vector clamp(Vector x, Vector low, Vector high) noexcept {
    return _mm512_min_ps(high, _mm512_max_ps(low, x));
  }

  using Choice = __mmask16;
  static Vector div(Vector a, Vector b) noexcept { return _mm512_div_ps(a, b); }
  // An estimate of 14 bits and one Newton step, because the division takes as long as ten other instructions.
  // Infinity makes the step NaN; then the estimate, 0, is left as it is.
  static Vector ratio(Vector a, Vector b) noexcept {
    const Vector estimate = _mm512_rcp14_ps(b);
    const Vector error = _mm512_fnmadd_ps(estimate, b, _mm512_set1_ps(1));
    const __mmask16 number = _mm512_cmp_ps_mask(error, error, _CMP_ORD_Q);
    return _mm512_mul_ps(a, _mm512_mask_fmadd_ps(estimate, number, error, estimate));
  }
  static Vector sqrt(Vector x) noexcept { return _mm512_sqrt_ps(x); }
  static Vector abs(Vector x) noexcept { return _mm512_abs_ps(x); }
  static Vector with_sign(Vector magnitude, Vector sign) noexcept {
    const __m512i bit = _mm512_set1_epi32(static_cast<int>(0x80000000u));
    constexpr int kFirstOrBothOthers = 0xf8;
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(magnitude),
                                                         _mm512_castps_si512(sign), bit, kFirstOrBothOthers));
  }
  static Vector round(Vector x) noexcept {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // 0 below -126, because cores take long over subnormal numbers.
  static Vector scale(Vector x, Vector n) noexcept {
    return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(n, _mm512_set1_ps(-126), _CMP_NLT_UQ), x, n);
  }
  static Vector scale_normal(Vector x, Vector n) noexcept { return _mm512_scalef_ps(x, n); }
  static Choice less(Vector a, Vector b) noexcept { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static Vector select(Choice choice, Vector yes, Vector no) noexcept {
    return _mm512_mask_blend_ps(choice, no, yes);
  }
  // The instruction returns the second operand with NaN in either, the blend the first if that is NaN.
  static Vector max(Vector a, Vector b) noexcept {
    return _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
  }
  static Vector min(Vector a, Vector b) noexcept {
    return _mm512_mask_mov_ps(_mm512_min_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
  }
};

static_assert(BroadcastingSimdF32<Avx512>);

}  // namespace
}  // namespace fettle::kernels
