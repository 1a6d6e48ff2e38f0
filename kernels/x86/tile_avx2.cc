// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX2 with FMA. Of the 16 registers, 12 (6 rows x 2 vectors) are sums, 2 hold a row of weights and
// 1 a number of the input, broadcast to all lanes:
//
//   6 x 2: y0..y11 sums | y12 y13 weights | y14 input        12 FMAs for 8 loads
//   4 x 3: y0..y11 sums | y12 y13 y14 weights | y15 input    12 FMAs for 7 loads
//  12 x 1: y0..y11 sums | y12 y13 weights | y14 input        12 FMAs for 13 loads, where a vector is all
//  there is
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
    .most_rows = {12, 6, 4},
    .usual_vectors = 2,
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>, kTile<7, 1>,
                 kTile<8, 1>, kTile<9, 1>, kTile<10, 1>, kTile<11, 1>, kTile<12, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>}},
};

}  // namespace fettle::kernels
