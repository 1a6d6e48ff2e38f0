// SPDX-License-Identifier: Apache-2.0
//
// Instructions that stay in the order in which they are written. Compilers move those of arm_neon.h about:
// loops that need all registers then keep sums on the stack, and in-order cores stall. Each
// function is one instruction, and loads move the pointer on; on other processors, for which these files are
// compiled in tests alone, it is intrinsics.
#pragma once

#include "kernels/neon/simd_neon.h"

#include <cstddef>
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

/// Vector `v` of a row of weights; they are loaded in order. After the last one `row` is the next row,
/// `pitch` floats further.
inline void load_of_row(float32x4_t& x, const float*& row, int v, bool last, std::size_t pitch) noexcept;

/// The same in halves, the lower one first, and what makes them one. After all of a row comes move_on, which
/// is an instruction where the last load cannot do it.
inline void load_lower(Halves& x, const float*& row, int v) noexcept;
inline void load_upper(Halves& x, const float*& row, int v, bool last, std::size_t pitch) noexcept;
inline void join(Halves& x) noexcept;
inline void move_on(const float*& row, std::size_t pitch) noexcept;

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

// Addressed by constants, so that a row needs one addition.
inline void load_of_row(float32x4_t& x, const float*& row, int v, bool last, std::size_t pitch) noexcept {
  asm volatile("ldr %q0, %1" : "=w"(x) : "m"(*reinterpret_cast<const float32x4_t*>(row + 4 * v)));
  if (last) row += pitch;
}
inline void load_lower(Halves& x, const float*& row, int v) noexcept {
  asm volatile("ldr %d0, %1" : "=w"(x.vector) : "m"(*reinterpret_cast<const float(*)[2]>(row + 4 * v)));
}
inline void load_upper(Halves& x, const float*& row, int v, bool, std::size_t) noexcept {
  asm volatile("ldr %0, %1" : "=r"(x.upper) : "m"(*reinterpret_cast<const float(*)[2]>(row + 4 * v + 2)));
}
inline void move_on(const float*& row, std::size_t pitch) noexcept {
  asm volatile("add %0, %1, %2" : "=r"(row) : "r"(row), "r"(pitch * sizeof(float)));
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

// There are no constants in these addresses: loads move `row` on to the next vector, or to the next row.
inline void load_of_row(float32x4_t& x, const float*& row, int v, bool last, std::size_t pitch) noexcept {
  const std::size_t step = (pitch - static_cast<std::size_t>(4 * v)) * sizeof(float);
  if (!last) return load_next(x, row);
  asm volatile("vld1.32 {%e0, %f0}, [%1], %2"
               : "=w"(x), "+r"(row)
               : "r"(step), "m"(*reinterpret_cast<const float(*)[4]>(row)));
}
inline void load_lower(Halves& x, const float*& row, int) noexcept {
  asm volatile("vld1.32 {%e0}, [%1]!"
               : "=w"(x.vector), "+r"(row)
               : "m"(*reinterpret_cast<const float(*)[2]>(row)));
}
inline void load_upper(Halves& x, const float*& row, int v, bool last, std::size_t pitch) noexcept {
  const std::size_t step = (pitch - static_cast<std::size_t>(4 * v + 2)) * sizeof(float);
  if (last) {
    asm volatile("vld1.32 {%f0}, [%1], %2"
                 : "+w"(x.vector), "+r"(row)
                 : "r"(step), "m"(*reinterpret_cast<const float(*)[2]>(row)));
  } else {
    asm volatile("vld1.32 {%f0}, [%1]!"
                 : "+w"(x.vector), "+r"(row)
                 : "m"(*reinterpret_cast<const float(*)[2]>(row)));
  }
}
inline void join(Halves&) noexcept {}
inline void move_on(const float*&, std::size_t) noexcept {}

// There is no fused multiply-add by lane here, and lanes are those of the first 16 halves of registers alone.
template <int kLane, typename X>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, X x) noexcept {
  asm volatile("vmla.f32 %q0, %q1, %P2[%c3]" : "+w"(sum) : "w"(weights), "t"(x), "i"(kLane));
  return sum;
}

#else

inline void load_next(float32x4_t& x, const float*& from) noexcept { x = vld1q_f32(from), from += 4; }
inline void load_next(float32x2_t& x, const float*& from) noexcept { x = vld1_f32(from), from += 2; }

inline void load_of_row(float32x4_t& x, const float*& row, int v, bool last, std::size_t pitch) noexcept {
  x = vld1q_f32(row + 4 * v);
  if (last) row += pitch;
}
inline void load_lower(Halves& x, const float*& row, int v) noexcept {
  x.vector = vcombine_f32(vld1_f32(row + 4 * v), vdup_n_f32(0));
}
inline void load_upper(Halves& x, const float*& row, int v, bool, std::size_t) noexcept {
  x.vector = vcombine_f32(vget_low_f32(x.vector), vld1_f32(row + 4 * v + 2));
}
inline void move_on(const float*& row, std::size_t pitch) noexcept { row += pitch; }
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
