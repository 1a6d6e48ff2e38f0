// SPDX-License-Identifier: Apache-2.0
//
// The tile for instruction sets that broadcast a number as fast as they load a vector (x86). Included by the
// files of instruction sets alone, whose `Simd` has internal linkage, so that nothing here is shared with
// code for other CPUs.
#pragma once

#include "kernels/common/tile_finish.h"

namespace fettle::kernels {

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
  const char* prefetch = t.prefetch;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const float* x[kRows];
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    for (std::size_t c = 0; c < t.depth; ++c, weights += kVectors * Simd::kLanes) {
      __builtin_prefetch(prefetch, 0, 2);
      prefetch += t.prefetch_step;
      Vector w[kVectors];
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) w[v] = Simd::load(weights + v * Simd::kLanes);
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) {
        const Vector input = Simd::broadcast(x[r] + c);
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) sums.at[r][v] = Simd::fma(input, w[v], sums.at[r][v]);
      }
    }
  }
  finish_tile(t, sums);
}

}  // namespace fettle::kernels
