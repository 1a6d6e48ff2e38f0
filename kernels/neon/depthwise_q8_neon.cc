// SPDX-License-Identifier: Apache-2.0
//
// Quantised depthwise convolutions for NEON without dot products: bytes become 16 bits once for each row, and
// each tap of eight channels is two widening multiply-adds.
#include "kernels/common/q8/depthwise_loop.h"
#include "kernels/neon/depthwise_q8_simd.h"
#include "kernels/neon/loops.h"

namespace fettle::kernels {
namespace {

struct DepthwiseWidening : DepthwiseNeonBytes {
  static constexpr int kPlanes = 2;
  static constexpr int kLanes = 8;
  static constexpr int kTaps = 1;
  static constexpr int kWeightBytes = 2;
  struct Sums {
    int32x4_t low, high;
  };

  static void store_interleaved(std::byte* to, std::int64_t plane_step, const Bytes (&taps)[kTaps]) noexcept {
    vst1q_u16(reinterpret_cast<std::uint16_t*>(to), vmovl_u8(vget_low_u8(taps[0])));
    vst1q_u16(reinterpret_cast<std::uint16_t*>(to + plane_step), vmovl_u8(vget_high_u8(taps[0])));
  }
  static int16x8_t load_quads(const std::byte* p) noexcept {
    return vld1q_s16(reinterpret_cast<const std::int16_t*>(p));
  }
  static Sums load_sums(const std::int32_t* p) noexcept { return {vld1q_s32(p), vld1q_s32(p + 4)}; }
  static Sums multiply_add(int16x8_t x, int16x8_t w, Sums sum) noexcept {
    return {vmlal_s16(sum.low, vget_low_s16(x), vget_low_s16(w)),
            vmlal_s16(sum.high, vget_high_s16(x), vget_high_s16(w))};
  }

  struct Rounding : RoundingQ8 {
    explicit Rounding(const DepthwiseQ8Row& row) noexcept : RoundingQ8(row, row.flip) {}
    Bytes bytes(const Sums (&sums)[kPlanes], const float* scale) const noexcept {
      return vcombine_u8(
          RoundingQ8::bytes(sums[0].low, sums[0].high, vld1q_f32(scale), vld1q_f32(scale + 4)),
          RoundingQ8::bytes(sums[1].low, sums[1].high, vld1q_f32(scale + 8), vld1q_f32(scale + 12)));
    }
  };
};

#if defined(__arm__)
constexpr int kDepthwisePixels = 2;
#else
constexpr int kDepthwisePixels = 4;
#endif

}  // namespace

constinit const DepthwiseQ8Set kDepthwiseQ8Neon = {
    .bytes = DepthwiseWidening::kBytes,
    .taps = DepthwiseWidening::kTaps,
    .weight_bytes = DepthwiseWidening::kWeightBytes,
    .interleave = {interleave_q8<DepthwiseWidening, 1>, nullptr, nullptr},
    .row = {depthwise_q8_row<DepthwiseWidening, 1, kDepthwisePixels>, nullptr, nullptr},
    .signed_rows = false};

}  // namespace fettle::kernels
