// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX2 with FMA. Of the 16 registers, 12 (6 rows x 2 vectors) are accumulators, 2 hold a row of
// weights and 1 a number of the input, broadcast to all lanes:
//
//   6 x 2: y0..y11 sums | y12 y13 weights | y14 input    12 FMAs for 8 loads
//   6 x 1: y0..y5 sums | y6 weights                      where a vector is all there is
#include "kernels/x86/tiles.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

constexpr int kLanes = 8;

__m256i first_lanes(std::size_t count) noexcept {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane);
}

template <int kRows, int kVectors>
void tile(const Tile& t) noexcept {
  __m256 sum[kRows][kVectors];
  const float* weights = t.panel;
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v, weights += kLanes) {
    const __m256 bias = _mm256_loadu_ps(weights);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) sum[r][v] = bias;
  }
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const float* x[kRows];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    for (std::size_t c = 0; c < t.depth; ++c, weights += kVectors * kLanes) {
      __m256 w[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) w[v] = _mm256_loadu_ps(weights + v * kLanes);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m256 input = _mm256_broadcast_ss(x[r] + c);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm256_fmadd_ps(input, w[v], sum[r][v]);
      }
    }
  }
  // The bound comes first, because the instructions return the second operand for what is not a number.
  const __m256 low = _mm256_set1_ps(t.low);
  const __m256 high = _mm256_set1_ps(t.high);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm256_min_ps(high, _mm256_max_ps(low, sum[r][v]));
  }
  const __m256i last = first_lanes(t.columns - (kVectors - 1) * kLanes);
  if (t.residual != nullptr) {
    const __m256 last_low = _mm256_set1_ps(t.last_low);
    const __m256 last_high = _mm256_set1_ps(t.last_high);
    const float* residual = t.residual;
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r, residual += t.residual_stride) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const __m256 other = v + 1 < kVectors ? _mm256_loadu_ps(residual + v * kLanes)
                                              : _mm256_maskload_ps(residual + v * kLanes, last);
        const __m256 added = _mm256_add_ps(sum[r][v], other);
        sum[r][v] = _mm256_min_ps(last_high, _mm256_max_ps(last_low, added));
      }
    }
  }
  float* output = t.output;
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r, output += t.output_stride) {
#pragma GCC unroll 2
    for (int v = 0; v + 1 < kVectors; ++v) _mm256_storeu_ps(output + v * kLanes, sum[r][v]);
    _mm256_maskstore_ps(output + (kVectors - 1) * kLanes, last, sum[r][kVectors - 1]);
  }
}

}  // namespace

constinit const TileSet kTilesAvx2 = {
    .vector = kLanes,
    .most_rows = {6, 6, 0},
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>}},
};

}  // namespace fettle::kernels
