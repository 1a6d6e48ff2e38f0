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

/// Lines of vectors: how many, and floats from line to line and from vector to vector.
struct UnaryGrid {
  std::int64_t lines, vectors;
  std::int64_t x_line, x_step, y_line, y_step;
};

template <typename Simd, int kTogether, Op op, bool kTail>
inline void unary_grid(const UnaryGrid& grid, const float* x, float* y, const UnaryRows& rows,
                       typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  const Vector a = Simd::all(rows.a);
  const Vector b = Simd::all(rows.b);
  const auto compute = [&]<int kCount>(const float* from, float* to) {
    Vector values[kCount];
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i)
      values[i] = unary_function<Simd, op>(load_lanes<Simd, kTail>(from + i * grid.x_step, mask), a, b);
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) store_lanes<Simd, kTail>(to + i * grid.y_step, values[i], mask);
  };
  for (std::int64_t line = 0; line < grid.lines; ++line, x += grid.x_line, y += grid.y_line) {
    const float* from = x;
    float* to = y;
    std::int64_t left = grid.vectors;
    for (; left >= kTogether; left -= kTogether) {
      compute.template operator()<kTogether>(from, to);
      from += kTogether * grid.x_step;
      to += kTogether * grid.y_step;
    }
    for (; left > 0; --left, from += grid.x_step, to += grid.y_step) compute.template operator()<1>(from, to);
  }
}

/// kTogether vectors are computed at a time: along long rows, or down short ones, and down the rows where
/// they end within a vector.
template <typename Simd, int kTogether, Op op>
void unary_rows(const UnaryRows& rows) noexcept {
  constexpr std::int64_t kLanes = Simd::kLanes;
  const bool one_row = rows.x_pitch == rows.length && rows.y_pitch == rows.length;
  const std::int64_t count = one_row ? 1 : rows.rows;
  const std::int64_t length = one_row ? rows.length * rows.rows : rows.length;
  const std::int64_t across = length / kLanes;
  const UnaryGrid along{count, across, rows.x_pitch, kLanes, rows.y_pitch, kLanes};
  const UnaryGrid down{across, count, kLanes, rows.x_pitch, kLanes, rows.y_pitch};
  unary_grid<Simd, kTogether, op, false>(across < kTogether ? down : along, rows.x, rows.y, rows,
                                         Simd::mask(Simd::kLanes));
  const std::int64_t rest = length % kLanes;
  if (rest == 0) return;
  const UnaryGrid ends{1, count, 0, rows.x_pitch, 0, rows.y_pitch};
  unary_grid<Simd, kTogether, op, true>(ends, rows.x + across * kLanes, rows.y + across * kLanes, rows,
                                        Simd::mask(static_cast<std::size_t>(rest)));
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
