// SPDX-License-Identifier: Apache-2.0
//
// The products between Winograd's transforms for instruction sets that broadcast a number as fast as they
// load a vector (x86). Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/tile_finish.h"
#include "kernels/common/winograd.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// Adds the products of one channel, whose number in the first row is at `x`.
template <typename Simd, int kRows, int kVectors>
inline void add_channel(const float* x, const float* weights,
                        TileSums<Simd, kRows, kVectors>& sums) noexcept {
  typename Simd::Vector w[kVectors];
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v) w[v] = Simd::load(weights + v * Simd::kLanes);
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
    const typename Simd::Vector number = Simd::broadcast(x + r * Simd::kLanes);
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) sums.at[r][v] = Simd::fma(number, w[v], sums.at[r][v]);
  }
}

template <typename Simd, int kRows, int kVectors>
void winograd_product(const WinogradProduct& p) noexcept {
  constexpr std::int64_t kStep = kVectors * Simd::kLanes;
  const float* input = p.input;
  float* output = p.output;
  const std::int64_t output_pitch = p.output_pitch;
  const char* prefetch = p.prefetch;
  const std::size_t step = p.prefetch_step;
  for (std::int64_t tile = p.tiles; tile > 0; --tile) {
    TileSums<Simd, kRows, kVectors> sums;
    const float* weights = p.panel;
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      const auto begin = Simd::load(p.begin + v * Simd::kLanes);
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) sums.at[r][v] = begin;
    }
    const float* vector = input;
    std::int64_t left = p.channels;
    for (; left >= Simd::kLanes; left -= Simd::kLanes, vector += p.input_pitch) {
#pragma GCC unroll 1
      for (int c = 0; c < Simd::kLanes; c += 4, weights += 4 * kStep) {
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s, prefetch += step) {
          __builtin_prefetch(prefetch, 0, 2);
          add_channel(vector + c + s, weights + s * kStep, sums);
        }
      }
    }
#pragma GCC unroll 1
    for (; left > 0; --left, ++vector, weights += kStep, prefetch += step) {
      __builtin_prefetch(prefetch, 0, 2);
      add_channel(vector, weights, sums);
    }
    float* results = output;
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v, results += output_pitch) {
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) Simd::store(results + r * Simd::kLanes, sums.at[r][v]);
    }
    input += kRows * Simd::kLanes;
    output += kRows * Simd::kLanes;
  }
}

}  // namespace fettle::kernels
