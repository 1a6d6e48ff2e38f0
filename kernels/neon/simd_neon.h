// SPDX-License-Identifier: Apache-2.0
//
// Vectors of NEON, for the loops in kernels/common. The anonymous namespace keeps whatever is made of it
// inside the file: on 32-bit Arm these files have flags that others lack.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct Neon {
  using Vector = float32x4_t;
  /// How many of the first lanes.
  using Mask = std::size_t;
  static constexpr int kLanes = 4;

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
  /// Not a number where one is not.
  static Vector max(Vector a, Vector b) noexcept { return vmaxq_f32(a, b); }
  static Vector clamp(Vector x, Vector low, Vector high) noexcept {
    return vminq_f32(vmaxq_f32(x, low), high);
  }
};

}  // namespace
}  // namespace fettle::kernels
