// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX-512. Of the 32 registers, 28 (14 rows x 2 vectors) or 24 (8 x 3) are sums, 2 or 3 hold a row
// of weights, and one a number of the input, broadcast to all lanes:
//
//   14 x 2: z0..z27 sums | z28 z29 weights | z30 input        28 FMAs for 16 loads
//    8 x 3: z0..z23 sums | z24 z25 z26 weights | z27 input    24 FMAs for 11 loads
//
// A core with two FMA units of latency 4 needs 8 sums in flight; it makes 28 FMAs in 14 cycles, and two loads
// a cycle. Tiles of fewer rows are for images whose pixels 14 does not divide.
#include "kernels/common/tile_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr TileKernel kTile = tile_loop<Avx512, kRows, kVectors>;

}  // namespace

constinit const TileSet kTilesAvx512 = {
    .vector = Avx512::kLanes,
    .most_rows = {14, 14, 8},
    .usual_vectors = 2,
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>, kTile<7, 1>,
                 kTile<8, 1>, kTile<9, 1>, kTile<10, 1>, kTile<11, 1>, kTile<12, 1>, kTile<13, 1>,
                 kTile<14, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>, kTile<7, 2>,
                 kTile<8, 2>, kTile<9, 2>, kTile<10, 2>, kTile<11, 2>, kTile<12, 2>, kTile<13, 2>,
                 kTile<14, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>, kTile<5, 3>, kTile<6, 3>, kTile<7, 3>,
                 kTile<8, 3>}},
};

}  // namespace fettle::kernels
