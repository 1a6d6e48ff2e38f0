// SPDX-License-Identifier: Apache-2.0
//
// The tile for instruction sets that broadcast a number as fast as they load a vector (x86). Included by the
// files of instruction sets alone, whose `Simd` has internal linkage, so that nothing here is shared with
// code for other CPUs.
#pragma once

#include "kernels/common/tile_finish.h"

namespace fettle::kernels {

/// Moves a pointer on, by a distance in a register or in memory. Left alone, compilers load distances that
/// they have no register for before they add them: one more instruction each, in loops that are short of
/// registers.
template <typename T>
inline void advance(const T*& pointer, std::size_t bytes) noexcept {
  asm("add %1, %0" : "+r"(pointer) : "rm"(bytes));
}

/// Adds the products of kSteps channels, the first of them `c`, to a tile's sums. Rows of weights lie `pitch`
/// bytes apart; `weights` moves on to the row behind them.
template <int kSteps, typename Simd, int kRows, int kVectors>
inline void add_products(const float* const* x, std::size_t c, const float*& weights, std::size_t pitch,
                         TileSums<Simd, kRows, kVectors>& sums) noexcept {
  typename Simd::Vector w[kSteps][kVectors];
#pragma GCC unroll 4
  for (int s = 0; s < kSteps; ++s) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) w[s][v] = Simd::load(weights + v * Simd::kLanes);
    if (s + 1 < kSteps) advance(weights, pitch);
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
  advance(weights, pitch);
}

template <typename Simd, int kRows, int kVectors>
void tile_loop(const Tile& t) noexcept {
  TileSums<Simd, kRows, kVectors> sums;
  start_tile(t, sums);
  // Many rows have more pointers than there are registers. A tile of one vector would spend more time on
  // fetching them than on products; so each is used for several channels.
  constexpr std::size_t kMostSteps = kRows + 4 < Simd::kRegisters ? 4 : 2;
  constexpr std::size_t kSteps = kVectors == 1 && kRows > 6 ? kMostSteps : 1;
  const auto* weights = static_cast<const float*>(t.panel);
  const std::size_t pitch = t.row_pitch * sizeof(float);
  const std::size_t left_out = (t.tap_pitch - t.depth) * t.row_pitch;
  const char* prefetch = t.prefetch;
  const char* next_rows = t.next_rows;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows, weights += left_out) {
    const float* x[kRows];
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    std::size_t c = 0;
    for (; kSteps == 1 ? c < t.depth : c + kSteps <= t.depth; c += kSteps) {
      // Tiles for few registers have few rows, and compilers would move the pointer of each on instead.
      if constexpr (Simd::kRegisters < 32) asm("" : "+r"(c));
#pragma GCC unroll 4
      for (std::size_t s = 0; s < kSteps; ++s) {
        __builtin_prefetch(prefetch, 0, 2);
        __builtin_prefetch(next_rows, 0, 3);
        if constexpr (kSteps > 1) {
          advance(prefetch, t.prefetch_step);
          advance(next_rows, t.next_rows_step);
        } else {
          prefetch += t.prefetch_step;
          next_rows += t.next_rows_step;
        }
      }
      add_products<kSteps>(x, c, weights, pitch, sums);
    }
    if constexpr (kSteps > 1) {
#pragma GCC unroll 1
      for (; c < t.depth; ++c) add_products<1>(x, c, weights, pitch, sums);
    }
  }
  finish_tile(t, sums);
}

}  // namespace fettle::kernels
