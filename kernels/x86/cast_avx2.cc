// SPDX-License-Identifier: Apache-2.0
//
// F16C for f16; bf16 is the upper half of f32, rounded with integers.
#include "kernels/common/cast_loop.h"
#include "kernels/x86/loops.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

struct NarrowAvx2 {
  static constexpr int kElements = 16;

  // NaN in one pattern, as all kernels have it.
  static __m256 load(const float* from) noexcept {
    const __m256 x = _mm256_loadu_ps(from);
    const __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
    return _mm256_blendv_ps(x, quiet, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  }
  static void to_f16(const float* from, std::uint16_t* to) noexcept {
    const __m128i low = _mm256_cvtps_ph(load(from), _MM_FROUND_TO_NEAREST_INT);
    const __m128i high = _mm256_cvtps_ph(load(from + 8), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_set_m128i(high, low));
  }
  static void from_f16(const std::uint16_t* from, float* to) noexcept {
    const auto* halves = reinterpret_cast<const __m128i*>(from);
    _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128(halves)));
    _mm256_storeu_ps(to + 8, _mm256_cvtph_ps(_mm_loadu_si128(halves + 1)));
  }

  // In the lower half of each lane.
  static __m256i upper_half(const float* from) noexcept {
    const __m256i bits = _mm256_castps_si256(load(from));
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    return _mm256_srli_epi32(rounded, 16);
  }
  static void to_bf16(const float* from, std::uint16_t* to) noexcept {
    // The instruction packs each half of the vectors by itself.
    const __m256i packed = _mm256_packus_epi32(upper_half(from), upper_half(from + 8));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permute4x64_epi64(packed, 0b11'01'10'00));
  }
  static void from_bf16(const std::uint16_t* from, float* to) noexcept {
    const auto* halves = reinterpret_cast<const __m128i*>(from);
    for (int i = 0; i < 2; ++i) {
      const __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves + i)), 16);
      _mm256_storeu_ps(to + 8 * i, _mm256_castsi256_ps(bits));
    }
  }
};

}  // namespace

constinit const CastSet kCastAvx2 = kCastsOf<NarrowAvx2>;

}  // namespace fettle::kernels
