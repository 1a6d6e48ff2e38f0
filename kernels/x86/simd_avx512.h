// SPDX-License-Identifier: Apache-2.0
//
// Vectors of AVX-512, for the loops in kernels/common. For files with that instruction set's flags alone: the
// anonymous namespace keeps whatever is made of it inside the file.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct Avx512 {
  using Vector = __m512;
  using Mask = __mmask16;
  static constexpr int kLanes = 16;

  static Vector load(const float* p) noexcept { return _mm512_loadu_ps(p); }
  static Vector load(const float* p, Mask mask) noexcept { return _mm512_maskz_loadu_ps(mask, p); }
  static void store(float* p, Vector x) noexcept { _mm512_storeu_ps(p, x); }
  static void store(float* p, Vector x, Mask mask) noexcept { _mm512_mask_storeu_ps(p, mask, x); }
  static Vector all(float x) noexcept { return _mm512_set1_ps(x); }
  static Vector broadcast(const float* p) noexcept { return _mm512_set1_ps(*p); }
  /// The first `count` lanes, 1 to kLanes of them.
  static Mask mask(std::size_t count) noexcept { return static_cast<Mask>((1u << count) - 1u); }
  static Vector add(Vector a, Vector b) noexcept { return _mm512_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) noexcept { return _mm512_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) noexcept { return _mm512_mul_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) noexcept { return _mm512_fmadd_ps(a, b, c); }
  /// The second where one is not a number.
  static Vector max(Vector a, Vector b) noexcept { return _mm512_max_ps(a, b); }
  /// What is not a number stays so: the instructions return their second operand then.
  static Vector clamp(Vector x, Vector low, Vector high) noexcept {
    return _mm512_min_ps(high, _mm512_max_ps(low, x));
  }
};

}  // namespace
}  // namespace fettle::kernels
