// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic of two operands along rows. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/elementwise_binary.h"
#include "kernels/common/lanes.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace fettle::kernels {

/// The function of an operator, without its clamp.
template <typename Simd, Op op>
inline typename Simd::Vector binary_function(typename Simd::Vector a, typename Simd::Vector b) noexcept {
  if constexpr (op == Op::add) return Simd::add(a, b);
  if constexpr (op == Op::sub) return Simd::sub(a, b);
  if constexpr (op == Op::mul) return Simd::mul(a, b);
  if constexpr (op == Op::div) return Simd::div(a, b);
  if constexpr (op == Op::min) return Simd::min(a, b);
  if constexpr (op == Op::max) return Simd::max(a, b);
  // Compared after a product, so that units which flush subnormal operands of products alone see in both the
  // same number: 0 times an infinite slope is NaN.
  if constexpr (op == Op::prelu)
    return Simd::select(Simd::less(Simd::mul(a, Simd::all(1)), Simd::all(0)), Simd::mul(a, b), a);
}

template <typename Simd, Op op, Single single>
void binary_rows(const BinaryRows& rows) noexcept {
  using Vector = typename Simd::Vector;
  const Vector low = Simd::all(rows.clamp.low);
  const Vector high = Simd::all(rows.clamp.high);
  const float* a = rows.a;
  const float* b = rows.b;
  float* y = rows.y;
  Vector one = Simd::all(0);
  const auto some = [&]<bool kTail, int kVectors>(std::int64_t at, typename Simd::Mask mask) {
    Vector values[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, at += Simd::kLanes) {
      const Vector left = single == Single::a ? one : load_lanes<Simd, kTail>(a + at, mask);
      const Vector right = single == Single::b ? one : load_lanes<Simd, kTail>(b + at, mask);
      values[v] = Simd::clamp(binary_function<Simd, op>(left, right), low, high);
    }
    at -= kVectors * Simd::kLanes;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, at += Simd::kLanes) store_lanes<Simd, kTail>(y + at, values[v], mask);
  };
  constexpr int kTogether = 4;
  const auto all = Simd::mask(Simd::kLanes);
  for (std::int64_t row = 0; row < rows.rows; ++row) {
    if (single == Single::a) one = Simd::all(*a);
    if (single == Single::b) one = Simd::all(*b);
    std::int64_t i = 0;
    for (; i + kTogether * Simd::kLanes <= rows.length; i += kTogether * Simd::kLanes)
      some.template operator()<false, kTogether>(i, all);
    for (; i + Simd::kLanes <= rows.length; i += Simd::kLanes) some.template operator()<false, 1>(i, all);
    if (i < rows.length)
      some.template operator()<true, 1>(i, Simd::mask(static_cast<std::size_t>(rows.length - i)));
    a += rows.a_pitch;
    b += rows.b_pitch;
    y += rows.y_pitch;
  }
}

/// The functions of an instruction set.
template <typename Simd>
constexpr BinarySet binary_set() noexcept {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return BinarySet{
        {{{binary_rows<Simd, kBinaryOps[i], Single::none>, binary_rows<Simd, kBinaryOps[i], Single::a>,
           binary_rows<Simd, kBinaryOps[i], Single::b>}...}}};
  }
  (std::make_index_sequence<kBinaryCount>());
}

}  // namespace fettle::kernels
