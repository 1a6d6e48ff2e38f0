// SPDX-License-Identifier: Apache-2.0
//
// Sums of products of bytes, rounded to bytes. The anonymous namespace keeps it inside the file that uses it, as in
// simd_neon.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

/// `T` has low, high and zero, as TileQ8 and DepthwiseQ8Row have.
class RoundingQ8 {
 public:
  template <typename T>
  RoundingQ8(const T& t, std::uint8_t flip) noexcept
      : low_(vdupq_n_f32(t.low)), high_(vdupq_n_f32(t.high)), zero_(vdupq_n_s32(t.zero)), flip_(vdup_n_u8(flip)) {}

  /// Of eight columns.
  uint8x8_t bytes(int32x4_t first, int32x4_t second, const float* scale) const noexcept {
    const int16x8_t words = vcombine_s16(vmovn_s32(rounded(first, scale)), vmovn_s32(rounded(second, scale + 4)));
    return veor_u8(vmovn_u16(vreinterpretq_u16_s16(words)), flip_);
  }
  /// Of four columns, in the lower half.
  uint8x8_t bytes(int32x4_t sums, const float* scale) const noexcept {
    const int16x4_t words = vmovn_s32(rounded(sums, scale));
    return veor_u8(vmovn_u16(vreinterpretq_u16_s16(vcombine_s16(words, words))), flip_);
  }

 private:
  int32x4_t rounded(int32x4_t sums, const float* scale) const noexcept {
    const float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(sums), vld1q_f32(scale));
    const float32x4_t bounded = vminq_f32(vmaxq_f32(scaled, low_), high_);
#if defined(__arm__)
    // Added to a small number, 1.5 * 2^23 leaves it rounded half to even in the low bits.
    const float32x4_t shift = vdupq_n_f32(12582912.0f);
    const int32x4_t steps =
        vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(bounded, shift)), vreinterpretq_s32_f32(shift));
#else
    const int32x4_t steps = vcvtnq_s32_f32(bounded);
#endif
    return vaddq_s32(steps, zero_);
  }

  float32x4_t low_, high_;
  int32x4_t zero_;
  uint8x8_t flip_;
};

}  // namespace
}  // namespace fettle::kernels
