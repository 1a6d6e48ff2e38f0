// SPDX-License-Identifier: Apache-2.0
//
// Tiles for NEON, for out-of-order cores. Several channels of each row are loaded at a time and multiplied by
// lane. On aarch64, with 32 registers:
//
//   7 x 3: v0..v20 sums | v21..v27 rows, 4 channels | v28.. weights    84 FMAs for 19 loads
//   8 x 2: v0..v15 sums | v16..v23 rows, 4 channels | v24.. weights    64 FMAs for 16 loads
//
// and on armv7, with 16:
//
//   6 x 2: d0..d5 rows, 2 channels | q3 weights | q4..q15 sums    24 multiply-adds for 10 loads
//
// (lanes can be taken of d0 to d15 alone). Rows are read where they lie, not packed: a fraction of the loads
// that by-element loads would take, and no copy. A core that starts four FMAs of latency 4 in a cycle needs
// 16 sums, and some more where loads come between: hence 7 x 3.
#include "kernels/common/tile_finish.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/ordered_neon.h"

namespace fettle::kernels {
namespace {

// Channels of a row that are loaded together.
#if defined(__arm__)
using Channels = float32x2_t;
#else
using Channels = float32x4_t;
#endif
constexpr std::size_t kTogether = sizeof(Channels) / sizeof(float);

// One channel, times its weights. A vector of them at a time: with 16 registers there is room for one.
template <int kLane, int kRows, int kVectors>
inline void channel(TileSums<Neon, kRows, kVectors>& sums, const Channels (&x)[kRows], const float*& weights,
                    std::size_t pitch) noexcept {
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v) {
    float32x4_t w;
    load_of_row(w, weights, v, v + 1 == kVectors, pitch);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums.at[r][v] = fma_lane<kLane>(sums.at[r][v], w, x[r]);
  }
}

template <int kRows, int kVectors>
void tile(const Tile& t) noexcept {
  TileSums<Neon, kRows, kVectors> sums;
  start_tile(t, sums);
  const auto* weights = static_cast<const float*>(t.panel);
  const std::size_t pitch = t.row_pitch;
  const std::size_t left_out = (t.tap_pitch - t.depth) * pitch;
  const char* prefetch = t.prefetch;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows, weights += left_out) {
    const float* at[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) at[r] = rows[r];
    std::size_t left = t.depth;
    for (; left >= kTogether; left -= kTogether) {
      __builtin_prefetch(prefetch, 0, 2);
      prefetch += kTogether * t.prefetch_step;
      Channels x[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) load_next(x[r], at[r]);
      channel<0>(sums, x, weights, pitch);
      channel<1>(sums, x, weights, pitch);
      if constexpr (kTogether == 4) {
        channel<2>(sums, x, weights, pitch);
        channel<3>(sums, x, weights, pitch);
      }
    }
    for (; left > 0; --left) {
      Channels x[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) load_one(x[r], at[r]);
      channel<0>(sums, x, weights, pitch);
    }
  }
  finish_tile(t, sums);
}

}  // namespace

#if !defined(__arm__)
constinit const TileSet kTilesNeon = {
    .vector = Neon::kLanes,
    .most_rows = {8, 8, 7},
    .usual_vectors = 3,
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>,
                 tile<8, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>,
                 tile<8, 2>},
                {tile<1, 3>, tile<2, 3>, tile<3, 3>, tile<4, 3>, tile<5, 3>, tile<6, 3>, tile<7, 3>}},
};
#else
constinit const TileSet kTilesNeon = {
    .vector = Neon::kLanes,
    .most_rows = {6, 6, 0},
    .usual_vectors = 2,
    .kernels = {{tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>},
                {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>}},
};
#endif

}  // namespace fettle::kernels
