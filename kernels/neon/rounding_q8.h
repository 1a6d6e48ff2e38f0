// SPDX-License-Identifier: Apache-2.0
//
// Sums of products of bytes, rounded to bytes. The anonymous namespace keeps it inside the file that uses it,
// as in simd_neon.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

#if defined(__aarch64__)

/// Conversions and narrowing saturate, so that bounds may be applied to bytes.
struct BoundsQ8 {
  uint8x8_t least, most;

  BoundsQ8(float low, float high, int zero) noexcept
      : least(vdup_n_u8(static_cast<std::uint8_t>(static_cast<int>(low) + zero))),
        most(vdup_n_u8(static_cast<std::uint8_t>(static_cast<int>(high) + zero))) {}
  int32x4_t rounded(float32x4_t x) const noexcept { return vcvtnq_s32_f32(x); }
  uint8x8_t bounded(uint8x8_t bytes) const noexcept { return vmin_u8(vmax_u8(bytes, least), most); }
};

#else

/// Numbers must be small before they are rounded: added to such, 1.5 * 2^23 leaves them rounded half to even
/// in the low bits.
struct BoundsQ8 {
  float32x4_t low, high;

  BoundsQ8(float lowest, float highest, int) noexcept
      : low(vdupq_n_f32(lowest)), high(vdupq_n_f32(highest)) {}
  int32x4_t rounded(float32x4_t x) const noexcept {
    const float32x4_t shift = vdupq_n_f32(12582912.0f);
    const float32x4_t shifted = vaddq_f32(vminq_f32(vmaxq_f32(x, low), high), shift);
    return vsubq_s32(vreinterpretq_s32_f32(shifted), vreinterpretq_s32_f32(shift));
  }
  uint8x8_t bounded(uint8x8_t bytes) const noexcept { return bytes; }
};

#endif

/// `T` has low, high and zero, as TileQ8 and DepthwiseQ8Row have.
class RoundingQ8 {
 public:
  template <typename T>
  RoundingQ8(const T& t, std::uint8_t flip) noexcept
      : bounds_(t.low, t.high, t.zero),
        zero_(vdupq_n_s16(static_cast<std::int16_t>(t.zero))),
        flip_(vdup_n_u8(flip)) {}

  /// Of eight columns with these scales.
  uint8x8_t bytes(int32x4_t first, int32x4_t second, float32x4_t first_scale,
                  float32x4_t second_scale) const noexcept {
    return finished(vcombine_s16(steps(first, first_scale), steps(second, second_scale)));
  }
  /// Of four columns, in the lower half.
  uint8x8_t bytes(int32x4_t sums, float32x4_t scale) const noexcept {
    const int16x4_t all = steps(sums, scale);
    return finished(vcombine_s16(all, all));
  }

 private:
  int16x4_t steps(int32x4_t sums, float32x4_t scale) const noexcept {
    return vqmovn_s32(bounds_.rounded(vmulq_f32(vcvtq_f32_s32(sums), scale)));
  }
  uint8x8_t finished(int16x8_t steps) const noexcept {
    return veor_u8(bounds_.bounded(vqmovun_s16(vqaddq_s16(steps, zero_))), flip_);
  }

  BoundsQ8 bounds_;
  int16x8_t zero_;
  uint8x8_t flip_;
};

}  // namespace
}  // namespace fettle::kernels
