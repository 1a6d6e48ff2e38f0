// SPDX-License-Identifier: Apache-2.0
//
// What all tiles begin and end with: from biases to sums in registers, and from there to stored results.
// Included by the files of instruction sets alone, whose `Simd` has internal linkage, so that nothing here is
// shared with code for other CPUs.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/tile.h"

namespace fettle::kernels {

/// The sums of a tile: kRows x kVectors registers.
template <typename Simd, int kRows, int kVectors>
struct TileSums {
  typename Simd::Vector at[kRows][kVectors];
};

/// Before the sums.
template <typename Simd, int kRows, int kVectors>
inline void start_tile(const Tile& t, TileSums<Simd, kRows, kVectors>& sums) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const typename Simd::Vector begin = Simd::load(t.begin + v * Simd::kLanes);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums.at[r][v] = begin;
  }
}

/// Scale and bias, where sums do not begin with the bias.
template <typename Simd, int kRows, int kVectors>
inline void scale_tile(const Tile& t, TileSums<Simd, kRows, kVectors>& sums) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const typename Simd::Vector scale = Simd::load(t.scale + v * Simd::kLanes);
    const typename Simd::Vector bias = Simd::load(t.bias + v * Simd::kLanes);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums.at[r][v] = Simd::fma(sums.at[r][v], scale, bias);
  }
}

/// After the sums: scale, clamp, residual, clamp, and the stores of the columns that there are.
template <typename Simd, int kRows, int kVectors>
inline void finish_tile(const Tile& t, TileSums<Simd, kRows, kVectors>& sums) noexcept {
  using Vector = typename Simd::Vector;
  constexpr std::size_t kLanes = Simd::kLanes;
  const auto last = Simd::mask(t.columns - (kVectors - 1) * kLanes);
  const bool whole = t.columns == kVectors * kLanes;
  if (t.scale != nullptr) [[unlikely]]
    scale_tile(t, sums);
  const Vector low = Simd::all(t.low);
  const Vector high = Simd::all(t.high);
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums.at[r][v] = Simd::clamp(sums.at[r][v], low, high);
  }
  if (t.residual != nullptr) {
    const Vector last_low = Simd::all(t.last_low);
    const Vector last_high = Simd::all(t.last_high);
    const float* residual = t.residual;
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r, residual += t.residual_stride) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const float* from = residual + v * Simd::kLanes;
        const Vector other = v + 1 < kVectors ? Simd::load(from) : Simd::load(from, last);
        sums.at[r][v] = Simd::clamp(Simd::add(sums.at[r][v], other), last_low, last_high);
      }
    }
  }
  float* output = t.output;
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r, output += t.output_stride) {
#pragma GCC unroll 4
    for (int v = 0; v + 1 < kVectors; ++v) Simd::store(output + v * Simd::kLanes, sums.at[r][v]);
    store_some<Simd>(output + (kVectors - 1) * Simd::kLanes, sums.at[r][kVectors - 1], whole, last);
  }
}

}  // namespace fettle::kernels
