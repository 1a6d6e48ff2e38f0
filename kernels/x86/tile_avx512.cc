// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX-512. Of the 32 registers, 28 (14 rows x 2 vectors) or 24 (8 x 3) are accumulators, 2 or 3 hold a
// row of weights, and one a number of the input, broadcast to all lanes:
//
//   14 x 2: z0..z27 sums | z28 z29 weights | z30 input        28 FMAs for 16 loads
//    8 x 3: z0..z23 sums | z24 z25 z26 weights | z27 input    24 FMAs for 11 loads
//
// A core with two FMA units of latency 4 needs 8 sums in flight; it makes 28 FMAs in 14 cycles, and two loads a
// cycle. Tiles of fewer rows are for the last rows of an image.
#include "kernels/x86/tiles.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

constexpr int kLanes = 16;

template <int kRows, int kVectors>
void tile(const Tile& t) noexcept {
  __m512 sum[kRows][kVectors];
  const float* weights = t.panel;
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v, weights += kLanes) {
    const __m512 bias = _mm512_loadu_ps(weights);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sum[r][v] = bias;
  }
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const float* x[kRows];
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    for (std::size_t c = 0; c < t.depth; ++c, weights += kVectors * kLanes) {
      __m512 w[kVectors];
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_ps(weights + v * kLanes);
#pragma GCC unroll 14
      for (int r = 0; r < kRows; ++r) {
        const __m512 input = _mm512_set1_ps(x[r][c]);
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_fmadd_ps(input, w[v], sum[r][v]);
      }
    }
  }
  // The bound comes first, because the instructions return the second operand for what is not a number.
  const __m512 low = _mm512_set1_ps(t.low);
  const __m512 high = _mm512_set1_ps(t.high);
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_min_ps(high, _mm512_max_ps(low, sum[r][v]));
  }
  const auto stored = static_cast<unsigned>(t.columns - (kVectors - 1) * kLanes);
  const auto last = static_cast<__mmask16>((1u << stored) - 1u);
  if (t.residual != nullptr) {
    const __m512 last_low = _mm512_set1_ps(t.last_low);
    const __m512 last_high = _mm512_set1_ps(t.last_high);
    const float* residual = t.residual;
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r, residual += t.residual_stride) {
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) {
        const __mmask16 mask = v + 1 < kVectors ? static_cast<__mmask16>(0xffff) : last;
        const __m512 added = _mm512_add_ps(sum[r][v], _mm512_maskz_loadu_ps(mask, residual + v * kLanes));
        sum[r][v] = _mm512_min_ps(last_high, _mm512_max_ps(last_low, added));
      }
    }
  }
  float* output = t.output;
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r, output += t.output_stride) {
#pragma GCC unroll 3
    for (int v = 0; v + 1 < kVectors; ++v) _mm512_storeu_ps(output + v * kLanes, sum[r][v]);
    _mm512_mask_storeu_ps(output + (kVectors - 1) * kLanes, last, sum[r][kVectors - 1]);
  }
}

}  // namespace

constinit const TileSet kTilesAvx512 = {
    .vector = kLanes,
    .most_rows = {14, 14, 8},
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>, tile<8, 1>,
                 tile<9, 1>, tile<10, 1>, tile<11, 1>, tile<12, 1>, tile<13, 1>, tile<14, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>, tile<8, 2>,
                 tile<9, 2>, tile<10, 2>, tile<11, 2>, tile<12, 2>, tile<13, 2>, tile<14, 2>},
                {tile<1, 3>, tile<2, 3>, tile<3, 3>, tile<4, 3>, tile<5, 3>, tile<6, 3>, tile<7, 3>,
                 tile<8, 3>}},
};

}  // namespace fettle::kernels
