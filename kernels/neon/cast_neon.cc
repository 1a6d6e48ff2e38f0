// SPDX-License-Identifier: Apache-2.0
//
// f16 by the conversions that every core with fused multiply-add has; bf16 is the upper half of f32, rounded
// with integers.
#include "kernels/common/cast_loop.h"
#include "kernels/neon/loops.h"

#include <arm_neon.h>

namespace fettle::kernels {
namespace {

struct NarrowNeon {
  static constexpr int kElements = 8;

  // NaN in one pattern, as all kernels have it.
  static float32x4_t load(const float* from) noexcept {
    const float32x4_t x = vld1q_f32(from);
    return vbslq_f32(vceqq_f32(x, x), x, vreinterpretq_f32_u32(vdupq_n_u32(0x7fc00000)));
  }
  static void to_f16(const float* from, std::uint16_t* to) noexcept {
    vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(load(from))));
    vst1_u16(to + 4, vreinterpret_u16_f16(vcvt_f16_f32(load(from + 4))));
  }
  static void from_f16(const std::uint16_t* from, float* to) noexcept {
    vst1q_f32(to, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))));
    vst1q_f32(to + 4, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + 4))));
  }

  static uint16x4_t upper_half(const float* from) noexcept {
    const uint32x4_t bits = vreinterpretq_u32_f32(load(from));
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
  }
  static void to_bf16(const float* from, std::uint16_t* to) noexcept {
    vst1_u16(to, upper_half(from));
    vst1_u16(to + 4, upper_half(from + 4));
  }
  static void from_bf16(const std::uint16_t* from, float* to) noexcept {
    vst1q_f32(to, vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vld1_u16(from)), 16)));
    vst1q_f32(to + 4, vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vld1_u16(from + 4)), 16)));
  }
};

}  // namespace

constinit const CastSet kCastNeon = kCastsOf<NarrowNeon>;

}  // namespace fettle::kernels
