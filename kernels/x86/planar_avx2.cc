// SPDX-License-Identifier: Apache-2.0
//
// Tiles of convolutions that read planes, for AVX2: of the sizes of tile_avx2.cc, and with the same
// registers.
#include "kernels/common/planar_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr PlanarKernel kTile = planar_tile<Avx2, kRows, kVectors>;

}  // namespace

constinit const PlanarSet kPlanarAvx2 = {
    .tiles = &kTilesAvx2,
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>}},
};

}  // namespace fettle::kernels
