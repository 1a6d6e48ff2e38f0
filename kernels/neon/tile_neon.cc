// SPDX-License-Identifier: Apache-2.0
//
// Tiles for NEON. Four channels of each row are loaded at a time and multiplied by lane. On aarch64, with 32
// registers:
//
//   8 x 2: v0..v15 sums | v16..v23 rows | v24 v25 .. weights    64 FMAs for 16 loads
//   6 x 3: v0..v17 sums | v18..v23 rows | v24 v25 v26 .. weights    72 FMAs for 18 loads
//
// and on armv7, with 16:
//
//   4 x 2: q8..q15 sums | q0..q3 rows | q4 q5 .. weights    32 multiply-adds for 12 loads
//
// Rows are read where they lie, not packed: a quarter as many loads as by-element loads would take, and no
// copy.
#include "kernels/common/tile_finish.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {
namespace {

// sum + weights * row[lane]
template <int kLane>
inline float32x4_t fma_lane(float32x4_t sum, float32x4_t weights, float32x4_t row) noexcept {
#if defined(__aarch64__)
  return vfmaq_laneq_f32(sum, weights, row, kLane);
#else
  // armv7 has no fused multiply-add by lane.
  if constexpr (kLane < 2)
    return vmlaq_lane_f32(sum, weights, vget_low_f32(row), kLane);
  else
    return vmlaq_lane_f32(sum, weights, vget_high_f32(row), kLane - 2);
#endif
}

template <int kLane, int kRows, int kVectors>
inline const float* channel(TileSums<Neon, kRows, kVectors>& sums, const float32x4_t (&x)[kRows],
                            const float* weights) noexcept {
  float32x4_t w[kVectors];
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v) w[v] = vld1q_f32(weights + v * Neon::kLanes);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) sums.at[r][v] = fma_lane<kLane>(sums.at[r][v], w[v], x[r]);
  }
  return weights + kVectors * Neon::kLanes;
}

template <int kRows, int kVectors>
void tile(const Tile& t) noexcept {
  TileSums<Neon, kRows, kVectors> sums;
  const float* weights = t.panel;
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v, weights += Neon::kLanes) {
    const float32x4_t bias = vld1q_f32(weights);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums.at[r][v] = bias;
  }
  const char* prefetch = t.prefetch;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const float* at[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) at[r] = rows[r];
    std::size_t left = t.depth;
    for (; left >= 4; left -= 4) {
      __builtin_prefetch(prefetch, 0, 2);
      prefetch += 4 * t.prefetch_step;
      float32x4_t x[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        x[r] = vld1q_f32(at[r]);
        at[r] += 4;
      }
      weights = channel<0>(sums, x, weights);
      weights = channel<1>(sums, x, weights);
      weights = channel<2>(sums, x, weights);
      weights = channel<3>(sums, x, weights);
    }
    for (; left > 0; --left) {
      float32x4_t x[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) x[r] = vld1q_dup_f32(at[r]++);
      weights = channel<0>(sums, x, weights);
    }
  }
  finish_tile(t, sums);
}

}  // namespace

#if defined(__aarch64__)
constinit const TileSet kTilesNeon = {
    .vector = Neon::kLanes,
    .most_rows = {8, 8, 6},
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>,
                 tile<8, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>,
                 tile<8, 2>},
                {tile<1, 3>, tile<2, 3>, tile<3, 3>, tile<4, 3>, tile<5, 3>, tile<6, 3>}},
};
#else
constinit const TileSet kTilesNeon = {
    .vector = Neon::kLanes,
    .most_rows = {4, 4, 0},
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>}},
};
#endif

}  // namespace fettle::kernels
