// SPDX-License-Identifier: Apache-2.0
//
// Sums of products of bytes, rounded to bytes. The anonymous namespace keeps it inside the file that uses it,
// as in simd_neon.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

/// `T` has low, high and zero, as TileQ8 and DepthwiseQ8Row have. On aarch64 conversions and narrowing
/// saturate, so that bounds may be applied to bytes.
class RoundingQ8 {
 public:
  template <typename T>
  RoundingQ8(const T& t, std::uint8_t flip) noexcept
#if !defined(__aarch64__)
      : low_(vdupq_n_f32(t.low)),
        high_(vdupq_n_f32(t.high)),
        zero_(vdupq_n_s16(static_cast<std::int16_t>(t.zero))),
        flip_(vdup_n_u8(flip)){}
#else
      : least_(vdup_n_u8(static_cast<std::uint8_t>(static_cast<int>(t.low) + t.zero))),
        most_(vdup_n_u8(static_cast<std::uint8_t>(static_cast<int>(t.high) + t.zero))),
        zero_(vdupq_n_s16(static_cast<std::int16_t>(t.zero))),
        flip_(vdup_n_u8(flip)) {
  }
#endif

        /// Of eight columns with these scales.
        uint8x8_t bytes(int32x4_t first, int32x4_t second, float32x4_t first_scale,
                        float32x4_t second_scale) const noexcept {
    const int16x8_t steps =
        vcombine_s16(vqmovn_s32(rounded(first, first_scale)), vqmovn_s32(rounded(second, second_scale)));
    return finished(steps);
  }
  /// Of four columns, in the lower half.
  uint8x8_t bytes(int32x4_t sums, float32x4_t scale) const noexcept {
    const int16x4_t steps = vqmovn_s32(rounded(sums, scale));
    return finished(vcombine_s16(steps, steps));
  }

 private:
  uint8x8_t finished(int16x8_t steps) const noexcept {
    const uint8x8_t bytes = vqmovun_s16(vqaddq_s16(steps, zero_));
#if !defined(__aarch64__)
    return veor_u8(bytes, flip_);
#else
    return veor_u8(vmin_u8(vmax_u8(bytes, least_), most_), flip_);
#endif
  }
  int32x4_t rounded(int32x4_t sums, float32x4_t scale) const noexcept {
    const float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(sums), scale);
#if !defined(__aarch64__)
    const float32x4_t bounded = vminq_f32(vmaxq_f32(scaled, low_), high_);
    // Added to a small number, 1.5 * 2^23 leaves it rounded half to even in the low bits.
    const float32x4_t shift = vdupq_n_f32(12582912.0f);
    return vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(bounded, shift)), vreinterpretq_s32_f32(shift));
#else
    return vcvtnq_s32_f32(scaled);
#endif
  }

#if !defined(__aarch64__)
  float32x4_t low_, high_;
#else
  uint8x8_t least_, most_;
#endif
  int16x8_t zero_;
  uint8x8_t flip_;
};

}  // namespace
}  // namespace fettle::kernels
