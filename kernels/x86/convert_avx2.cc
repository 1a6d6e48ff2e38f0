// SPDX-License-Identifier: Apache-2.0
//
// Squares of 8 x 8: in 8 of the 16 registers. Each half is turned by itself, 4 x 4, and then the halves
// change places.
#include "kernels/common/convert_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

struct Square : Avx2 {
  static Vector join(Vector a, Vector b, bool high) noexcept {
    const __m256d left = _mm256_castps_pd(a);
    const __m256d right = _mm256_castps_pd(b);
    return _mm256_castpd_ps(high ? _mm256_unpackhi_pd(left, right) : _mm256_unpacklo_pd(left, right));
  }
  static void turn(Vector (&rows)[kLanes]) noexcept {
    Vector halves[kLanes];
#pragma GCC unroll 2
    for (int r = 0; r < kLanes; r += 4) {
      const Vector low = _mm256_unpacklo_ps(rows[r], rows[r + 1]);
      const Vector high = _mm256_unpackhi_ps(rows[r], rows[r + 1]);
      const Vector next_low = _mm256_unpacklo_ps(rows[r + 2], rows[r + 3]);
      const Vector next_high = _mm256_unpackhi_ps(rows[r + 2], rows[r + 3]);
      halves[r] = join(low, next_low, false);
      halves[r + 1] = join(low, next_low, true);
      halves[r + 2] = join(high, next_high, false);
      halves[r + 3] = join(high, next_high, true);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      rows[j] = _mm256_permute2f128_ps(halves[j], halves[4 + j], 0x20);
      rows[4 + j] = _mm256_permute2f128_ps(halves[j], halves[4 + j], 0x31);
    }
  }
};

}  // namespace

constinit const ConvertSet kConvertAvx2 = {.lanes = Avx2::kLanes,
                                           .from_planes = from_planes<Square>,
                                           .to_planes = to_planes<Square>,
                                           .regroup = regroup<Square>};

}  // namespace fettle::kernels
