// SPDX-License-Identifier: Apache-2.0
//
// Squares of 16 x 16: in 16 of the 32 registers. Each 128-bit quarter is turned by itself, 4 x 4, and then
// the quarters are, 4 x 4 of them.
#include "kernels/common/convert_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {
namespace {

struct Square : Avx512 {
  static Vector join(Vector a, Vector b, bool high) noexcept {
    const __m512d left = _mm512_castps_pd(a);
    const __m512d right = _mm512_castps_pd(b);
    return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(left, right) : _mm512_unpacklo_pd(left, right));
  }
  static void turn(Vector (&rows)[kLanes]) noexcept {
    constexpr int kEven = 0x88;
    constexpr int kOdd = 0xdd;
    Vector quarters[kLanes];
#pragma GCC unroll 4
    for (int r = 0; r < kLanes; r += 4) {
      const Vector low = _mm512_unpacklo_ps(rows[r], rows[r + 1]);
      const Vector high = _mm512_unpackhi_ps(rows[r], rows[r + 1]);
      const Vector next_low = _mm512_unpacklo_ps(rows[r + 2], rows[r + 3]);
      const Vector next_high = _mm512_unpackhi_ps(rows[r + 2], rows[r + 3]);
      quarters[r] = join(low, next_low, false);
      quarters[r + 1] = join(low, next_low, true);
      quarters[r + 2] = join(high, next_high, false);
      quarters[r + 3] = join(high, next_high, true);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const Vector even = _mm512_shuffle_f32x4(quarters[j], quarters[4 + j], kEven);
      const Vector odd = _mm512_shuffle_f32x4(quarters[j], quarters[4 + j], kOdd);
      const Vector next_even = _mm512_shuffle_f32x4(quarters[8 + j], quarters[12 + j], kEven);
      const Vector next_odd = _mm512_shuffle_f32x4(quarters[8 + j], quarters[12 + j], kOdd);
      rows[j] = _mm512_shuffle_f32x4(even, next_even, kEven);
      rows[4 + j] = _mm512_shuffle_f32x4(odd, next_odd, kEven);
      rows[8 + j] = _mm512_shuffle_f32x4(even, next_even, kOdd);
      rows[12 + j] = _mm512_shuffle_f32x4(odd, next_odd, kOdd);
    }
  }
};

}  // namespace

constinit const ConvertSet kConvertAvx512 = {.lanes = Avx512::kLanes,
                                             .from_planes = from_planes<Square>,
                                             .to_planes = to_planes<Square>,
                                             .regroup = regroup<Square>};

}  // namespace fettle::kernels
