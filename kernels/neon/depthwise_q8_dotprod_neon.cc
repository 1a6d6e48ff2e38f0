// SPDX-License-Identifier: Apache-2.0
//
// Quantised depthwise convolutions for NEON with dot products: four taps of 16 channels are interleaved, so
// that sdot adds up those of a channel.
#include "kernels/common/q8/depthwise_loop.h"
#include "kernels/neon/depthwise_q8_simd.h"
#include "kernels/neon/loops.h"

namespace fettle::kernels {
namespace {

struct DepthwiseDot : DepthwiseNeonBytes {
  static constexpr int kPlanes = 4;
  static constexpr int kLanes = 4;
  static constexpr int kTaps = 4;
  static constexpr int kWeightBytes = 1;
  using Sums = int32x4_t;

  static void store_interleaved(std::byte* to, std::int64_t plane_step, const Bytes (&taps)[kTaps]) noexcept {
    const uint8x16x2_t first = vzipq_u8(taps[0], taps[1]);
    const uint8x16x2_t second = vzipq_u8(taps[2], taps[3]);
    for (int half = 0; half < 2; ++half, to += 2 * plane_step) {
      const uint16x8x2_t quads =
          vzipq_u16(vreinterpretq_u16_u8(first.val[half]), vreinterpretq_u16_u8(second.val[half]));
      vst1q_u16(reinterpret_cast<std::uint16_t*>(to), quads.val[0]);
      vst1q_u16(reinterpret_cast<std::uint16_t*>(to + plane_step), quads.val[1]);
    }
  }
  static int8x16_t load_quads(const std::byte* p) noexcept {
    return vld1q_s8(reinterpret_cast<const std::int8_t*>(p));
  }
  static int8x16_t ones(int taps) noexcept {
    return vreinterpretq_s8_u32(vdupq_n_u32(0x01010101u >> 8 * (kTaps - taps)));
  }
  static Sums load_sums(const std::int32_t* p) noexcept { return vld1q_s32(p); }
  static Sums multiply_add(int8x16_t x, int8x16_t w, Sums sum) noexcept { return vdotq_s32(sum, x, w); }
  static Sums add_times(Sums sum, Sums x, std::int32_t factor) noexcept {
    return vmlaq_n_s32(sum, x, factor);
  }

  struct Rounding : RoundingQ8 {
    explicit Rounding(const DepthwiseQ8Row& row) noexcept : RoundingQ8(row, row.flip) {}
    Bytes bytes(const Sums (&sums)[kPlanes], const float* scale) const noexcept {
      return vcombine_u8(RoundingQ8::bytes(sums[0], sums[1], vld1q_f32(scale), vld1q_f32(scale + 4)),
                         RoundingQ8::bytes(sums[2], sums[3], vld1q_f32(scale + 8), vld1q_f32(scale + 12)));
    }
  };
};

}  // namespace

constinit const DepthwiseQ8Set kDepthwiseQ8NeonDot = {
    .bytes = DepthwiseDot::kBytes,
    .taps = DepthwiseDot::kTaps,
    .weight_bytes = DepthwiseDot::kWeightBytes,
    .interleave = {interleave_q8<DepthwiseDot, 1>, nullptr, nullptr},
    .row = {depthwise_q8_row<DepthwiseDot, 1, 4>, nullptr, nullptr},
    .signed_rows = true};

}  // namespace fettle::kernels
