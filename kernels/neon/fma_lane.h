// SPDX-License-Identifier: Apache-2.0
//
// The multiply-add by lane, in an order that the compiler chooses (ordered_neon.h keeps its own). The
// anonymous namespace keeps it inside the file that uses it, as in simd_neon.h.
#pragma once

#include <arm_neon.h>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

/// sum + weights * row[lane]
template <int kLane>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, float32x4_t row) noexcept {
#if defined(__arm__)
  // armv7 has no fused multiply-add by lane.
  if constexpr (kLane < 2)
    return vmlaq_lane_f32(sum, weights, vget_low_f32(row), kLane);
  else
    return vmlaq_lane_f32(sum, weights, vget_high_f32(row), kLane - 2);
#else
  return vfmaq_laneq_f32(sum, weights, row, kLane);
#endif
}

}  // namespace
}  // namespace fettle::kernels
