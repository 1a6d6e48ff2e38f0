// SPDX-License-Identifier: Apache-2.0
//
// Vectors of NEON, for the loops in kernels/common. The anonymous namespace keeps whatever is made of it
// inside the file: on 32-bit Arm these files have flags that others lack.
#pragma once

#include "kernels/common/simd.h"

#include <arm_neon.h>

#include <cstddef>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct Neon {
  using Vector = float32x4_t;
  // How many of the first lanes.
  using Mask = std::size_t;
  static constexpr int kLanes = 4;
#if defined(__aarch64__)
  static constexpr int kRegisters = 32;
  static constexpr int kReach = 3;
#else
  static constexpr int kRegisters = 16;
  static constexpr int kReach = 1;
#endif

  static Vector load(const float* p) noexcept { return vld1q_f32(p); }
  static Vector load(const float* p, Mask count) noexcept {
    if (count == 4) return vld1q_f32(p);
    Vector x = vdupq_n_f32(0);
    x = vld1q_lane_f32(p, x, 0);
    if (count > 1) x = vld1q_lane_f32(p + 1, x, 1);
    if (count > 2) x = vld1q_lane_f32(p + 2, x, 2);
    return x;
  }
  static void store(float* p, Vector x) noexcept { vst1q_f32(p, x); }
  static void store(float* p, Vector x, Mask count) noexcept {
    if (count == 4) return vst1q_f32(p, x);
    vst1q_lane_f32(p, x, 0);
    if (count > 1) vst1q_lane_f32(p + 1, x, 1);
    if (count > 2) vst1q_lane_f32(p + 2, x, 2);
  }
  static Vector all(float x) noexcept { return vdupq_n_f32(x); }
  static Mask mask(std::size_t count) noexcept { return count; }
  static Vector add(Vector a, Vector b) noexcept { return vaddq_f32(a, b); }
  static Vector sub(Vector a, Vector b) noexcept { return vsubq_f32(a, b); }
  static Vector mul(Vector a, Vector b) noexcept { return vmulq_f32(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) noexcept { return vfmaq_f32(c, a, b); }
  static Vector larger(Vector a, Vector b) noexcept { return vmaxq_f32(a, b); }
  static constexpr bool kLargerKeepsNan = true;
  static Vector clamp(Vector x, Vector low, Vector high) noexcept {
    return vminq_f32(vmaxq_f32(x, low), high);
  }

  // On 32-bit Arm the vector's operators become instructions for one element each where NEON has none.
  using Choice = uint32x4_t;
  static Vector div(Vector a, Vector b) noexcept { return a / b; }
  // An estimate of 8 bits and two Newton steps, because many cores start a division only every ten cycles or
  // later.
  static Vector ratio(Vector a, Vector b) noexcept {
    Vector estimate = vrecpeq_f32(b);
    estimate = vmulq_f32(estimate, vrecpsq_f32(b, estimate));
    return vmulq_f32(a, vmulq_f32(estimate, vrecpsq_f32(b, estimate)));
  }
  static Vector sqrt(Vector x) noexcept {
#if defined(__aarch64__)
    return vsqrtq_f32(x);
#else
    return Vector{__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]), __builtin_sqrtf(x[3])};
#endif
  }
  static Vector abs(Vector x) noexcept { return vabsq_f32(x); }
  static Vector with_sign(Vector magnitude, Vector sign) noexcept {
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude);
  }
  // Numbers beside 3 * 2^22 have no places for a fraction.
  static Vector round(Vector x) noexcept {
#if defined(__aarch64__)
    return vrndnq_f32(x);
#else
    const Vector shift = vdupq_n_f32(12582912.0f);
    return vsubq_f32(vaddq_f32(x, shift), shift);
#endif
  }
  static Vector scale(Vector x, Vector n) noexcept {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(x, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
  }
  static Vector scale_normal(Vector x, Vector n) noexcept { return scale(x, n); }
  static Choice less(Vector a, Vector b) noexcept { return vcltq_f32(a, b); }
  static Vector select(Choice choice, Vector yes, Vector no) noexcept { return vbslq_f32(choice, yes, no); }
  static Vector max(Vector a, Vector b) noexcept { return vmaxq_f32(a, b); }
  static Vector min(Vector a, Vector b) noexcept { return vminq_f32(a, b); }
};

static_assert(SimdF32<Neon>);

}  // namespace
}  // namespace fettle::kernels
