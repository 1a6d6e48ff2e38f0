// SPDX-License-Identifier: Apache-2.0
//
// The tile for instruction sets that broadcast a number as fast as they load a vector (x86). Included by the
// files of instruction sets alone, whose `Simd` has internal linkage, so that nothing here is shared with
// code for other CPUs.
#pragma once

#include "kernels/common/tile_finish.h"

namespace fettle::kernels {

/// Adds the products of kSteps channels, the first of them `c`, to a tile's sums.
template <int kSteps, typename Simd, int kRows, int kVectors>
inline void add_products(const float* const* x, std::size_t c, const float* weights,
                         TileSums<Simd, kRows, kVectors>& sums) noexcept {
  typename Simd::Vector w[kSteps][kVectors];
#pragma GCC unroll 4
  for (int s = 0; s < kSteps; ++s) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) w[s][v] = Simd::load(weights + (s * kVectors + v) * Simd::kLanes);
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < kSteps; ++s) {
      const typename Simd::Vector input = Simd::broadcast(x[r] + c + s);
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) sums.at[r][v] = Simd::fma(input, w[s][v], sums.at[r][v]);
    }
  }
}

template <typename Simd, int kRows, int kVectors>
void tile_loop(const Tile& t) noexcept {
  using Vector = typename Simd::Vector;
  TileSums<Simd, kRows, kVectors> sums;
  const float* weights = t.panel;
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v, weights += Simd::kLanes) {
    const Vector bias = Simd::load(weights);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums.at[r][v] = bias;
  }
  // Many rows have more pointers than there are registers. A tile of one vector would spend more time on
  // fetching them than on products; so each is used for several channels.
  constexpr std::size_t kMostSteps = kRows + 4 < Simd::kRegisters ? 4 : 2;
  constexpr std::size_t kSteps = kVectors == 1 && kRows > 6 ? kMostSteps : 1;
  constexpr std::size_t kStep = kVectors * Simd::kLanes;
  const char* prefetch = t.prefetch;
  const char* next_rows = t.next_rows;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const float* x[kRows];
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    std::size_t c = 0;
    for (; c + kSteps <= t.depth; c += kSteps, weights += kSteps * kStep) {
#pragma GCC unroll 4
      for (std::size_t s = 0; s < kSteps; ++s, prefetch += t.prefetch_step, next_rows += t.next_rows_step) {
        __builtin_prefetch(prefetch, 0, 2);
        __builtin_prefetch(next_rows, 0, 3);
      }
      add_products<kSteps>(x, c, weights, sums);
    }
    if constexpr (kSteps > 1) {
#pragma GCC unroll 1
      for (; c < t.depth; ++c, weights += kStep) add_products<1>(x, c, weights, sums);
    }
  }
  finish_tile(t, sums);
}

}  // namespace fettle::kernels
