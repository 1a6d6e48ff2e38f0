// SPDX-License-Identifier: Apache-2.0
//
// Functions of one operand along rows. Several vectors are computed together, because each is a long chain of
// instructions that wait for each other. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/elementwise_math.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/lanes.h"

#include <cstdint>
#include <utility>

namespace fettle::kernels {

/// The function of an operator, without its clamp.
template <typename Simd, Op op>
inline typename Simd::Vector unary_function(typename Simd::Vector x, typename Simd::Vector a,
                                            typename Simd::Vector b) noexcept {
  using Vector = typename Simd::Vector;
  const Vector zero = Simd::all(0);
  const Vector one = Simd::all(1);
  if constexpr (op == Op::clamp) return Simd::clamp(x, a, b);
  if constexpr (op == Op::leaky_relu) return Simd::select(Simd::less(x, zero), Simd::mul(a, x), x);
  if constexpr (op == Op::elu)
    return Simd::select(Simd::less(x, zero), Simd::mul(a, exp_minus_1<Simd>(x)), x);
  if constexpr (op == Op::sigmoid) return logistic<Simd>(one, x);
  if constexpr (op == Op::hard_sigmoid) return Simd::clamp(Simd::fma(a, x, b), zero, one);
  if constexpr (op == Op::hard_swish)
    return Simd::mul(x, Simd::clamp(Simd::fma(x, Simd::all(1.0f / 6), Simd::all(0.5f)), zero, one));
  if constexpr (op == Op::swish) return logistic<Simd>(x, x);
  if constexpr (op == Op::tanh) return tanh<Simd>(x);
  if constexpr (op == Op::erf) return erf<Simd>(x);
  if constexpr (op == Op::gelu)
    return Simd::mul(Simd::mul(x, Simd::all(0.5f)),
                     Simd::add(erf<Simd>(Simd::mul(x, Simd::all(0.707106781f))), one));
  if constexpr (op == Op::softplus) return softplus<Simd>(x);
  if constexpr (op == Op::exp) return exp<Simd>(x);
  if constexpr (op == Op::sqrt) return Simd::sqrt(x);
  if constexpr (op == Op::reciprocal) return Simd::div(one, x);
  if constexpr (op == Op::abs) return Simd::abs(x);
  if constexpr (op == Op::neg) return Simd::sub(Simd::all(-0.0f), x);
}

/// kTogether vectors are computed at a time.
template <typename Simd, int kTogether, Op op>
void unary_rows(const UnaryRows& rows) noexcept {
  using Vector = typename Simd::Vector;
  const Vector a = Simd::all(rows.a);
  const Vector b = Simd::all(rows.b);
  const Vector low = Simd::all(rows.clamp.low);
  const Vector high = Simd::all(rows.clamp.high);
  const auto some = [&]<bool kTail, int kVectors>(const float* x, float* y, typename Simd::Mask mask) {
    Vector values[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      values[v] = unary_function<Simd, op>(load_lanes<Simd, kTail>(x + v * Simd::kLanes, mask), a, b);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      store_lanes<Simd, kTail>(y + v * Simd::kLanes, Simd::clamp(values[v], low, high), mask);
  };
  const auto all = Simd::mask(Simd::kLanes);
  const float* x = rows.x;
  float* y = rows.y;
  for (std::int64_t row = 0; row < rows.rows; ++row, x += rows.x_pitch, y += rows.y_pitch) {
    std::int64_t i = 0;
    for (; i + kTogether * Simd::kLanes <= rows.length; i += kTogether * Simd::kLanes)
      some.template operator()<false, kTogether>(x + i, y + i, all);
    for (; i + Simd::kLanes <= rows.length; i += Simd::kLanes)
      some.template operator()<false, 1>(x + i, y + i, all);
    if (i < rows.length)
      some.template operator()<true, 1>(x + i, y + i, Simd::mask(static_cast<std::size_t>(rows.length - i)));
  }
}

/// The functions of an instruction set.
template <typename Simd, int kTogether>
constexpr UnarySet unary_set() noexcept {
  return []<std::size_t... i>(std::index_sequence<i...>) {
    return UnarySet{{unary_rows<Simd, kTogether, kUnaryOps[i]>...}};
  }
  (std::make_index_sequence<kUnaryCount>());
}

}  // namespace fettle::kernels
