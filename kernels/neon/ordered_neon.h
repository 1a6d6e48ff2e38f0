// SPDX-License-Identifier: Apache-2.0
//
// Instructions that stay in the order in which they are written. Compilers move those of arm_neon.h about:
// loops that need all registers then keep sums on the stack, and in-order cores stall. Each
// function is one instruction, and loads move the pointer on; on other processors, for which these files are
// compiled in tests alone, it is intrinsics.
#pragma once

#include "kernels/neon/simd_neon.h"

#include <cstdint>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see simd_neon.h

/// A vector of which half is loaded at a time, which suits in-order cores. On aarch64 the upper
/// half comes through a general register, since a load into half a register is none that pairs.
struct Halves {
  float32x4_t vector;
#if defined(__aarch64__)
  std::uint64_t upper;
#endif
};

/// Four numbers, or two.
inline void load_next(float32x4_t& x, const float*& from) noexcept;
inline void load_next(float32x2_t& x, const float*& from) noexcept;

/// The vector's first two numbers, its last two, and what makes them one.
inline void load_lower(Halves& x, const float*& from) noexcept;
inline void load_upper(Halves& x, const float*& from) noexcept;
inline void join(Halves& x) noexcept;

/// sum + weights * x[kLane]; `X` is a vector of four or of two.
template <int kLane, typename X>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, X x) noexcept;

/// One number, which is the first lane.
inline void load_one(float32x4_t& x, const float*& from) noexcept { x = vld1q_dup_f32(from++); }
inline void load_one(float32x2_t& x, const float*& from) noexcept { x = vld1_dup_f32(from++); }

#if defined(__aarch64__)

inline void load_next(float32x4_t& x, const float*& from) noexcept {
  asm volatile("ldr %q0, %1" : "=w"(x) : "m"(*reinterpret_cast<const float32x4_t*>(from)));
  from += 4;
}
inline void load_next(float32x2_t& x, const float*& from) noexcept {
  asm volatile("ldr %d0, [%1], #8" : "=w"(x), "+r"(from) : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}

inline void load_lower(Halves& x, const float*& from) noexcept {
  asm volatile("ldr %d0, [%1], #8"
               : "=w"(x.vector), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}
inline void load_upper(Halves& x, const float*& from) noexcept {
  asm volatile("ldr %0, [%1], #8"
               : "=r"(x.upper), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}
inline void join(Halves& x) noexcept { asm volatile("ins %0.d[1], %1" : "+w"(x.vector) : "r"(x.upper)); }

template <int kLane, typename X>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, X x) noexcept {
  asm volatile("fmla %0.4s, %1.4s, %2.s[%c3]" : "+w"(sum) : "w"(weights), "w"(x), "i"(kLane));
  return sum;
}

#elif defined(__arm__)

inline void load_next(float32x4_t& x, const float*& from) noexcept {
  asm volatile("vld1.32 {%e0, %f0}, [%1]!"
               : "=w"(x), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[4]>(from)));
}
inline void load_next(float32x2_t& x, const float*& from) noexcept {
  asm volatile("vld1.32 {%P0}, [%1]!"
               : "=w"(x), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}

inline void load_lower(Halves& x, const float*& from) noexcept {
  asm volatile("vld1.32 {%e0}, [%1]!"
               : "=w"(x.vector), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}
inline void load_upper(Halves& x, const float*& from) noexcept {
  asm volatile("vld1.32 {%f0}, [%1]!"
               : "+w"(x.vector), "+r"(from)
               : "m"(*reinterpret_cast<const float(*)[2]>(from)));
}
inline void join(Halves&) noexcept {}

// There is no fused multiply-add by lane here, and lanes are those of the first 16 halves of registers alone.
template <int kLane, typename X>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, X x) noexcept {
  asm volatile("vmla.f32 %q0, %q1, %P2[%c3]" : "+w"(sum) : "w"(weights), "t"(x), "i"(kLane));
  return sum;
}

#else

inline void load_next(float32x4_t& x, const float*& from) noexcept { x = vld1q_f32(from), from += 4; }
inline void load_next(float32x2_t& x, const float*& from) noexcept { x = vld1_f32(from), from += 2; }

inline void load_lower(Halves& x, const float*& from) noexcept {
  x.vector = vcombine_f32(vld1_f32(from), vdup_n_f32(0)), from += 2;
}
inline void load_upper(Halves& x, const float*& from) noexcept {
  x.vector = vcombine_f32(vget_low_f32(x.vector), vld1_f32(from)), from += 2;
}
inline void join(Halves&) noexcept {}

template <int kLane, typename X>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, X x) noexcept {
  if constexpr (sizeof x == sizeof sum)
    return vfmaq_laneq_f32(sum, weights, x, kLane);
  else
    return vfmaq_lane_f32(sum, weights, x, kLane);
}

#endif

}  // namespace
}  // namespace fettle::kernels
