// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX2 with FMA. Of the 16 registers, 12 (6 rows x 2 vectors) are sums, 2 hold a row of weights and
// 1 a number of the input, broadcast to all lanes:
//
//   6 x 2: y0..y11 sums | y12 y13 weights | y14 input    12 FMAs for 8 loads
//   6 x 1: y0..y5 sums | y6 weights                      where a vector is all there is
#include "kernels/common/tile_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr TileKernel kTile = tile_loop<Avx2, kRows, kVectors>;

}  // namespace

constinit const TileSet kTilesAvx2 = {
    .vector = Avx2::kLanes,
    .most_rows = {6, 6, 0},
    .usual_vectors = 2,
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>}},
};

}  // namespace fettle::kernels
