// SPDX-License-Identifier: Apache-2.0
//
// Tiles of direct convolutions for AVX2 with FMA. Of the 16 registers 12 are sums, up to 3 hold a row of
// weights, and one a number of the input, broadcast to all lanes:
//
//   6 x 1, 6 x 2, 4 x 3: 6, 12 and 12 FMAs for 7, 8 and 7 loads
#include "kernels/common/direct_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

template <int kPixels, int kVectors>
constexpr DirectKernel kTile = direct_tile<BroadcastTap<Avx2>, kPixels, kVectors>;

}  // namespace

constinit const DirectSet kDirectAvx2 = {
    .lanes = Avx2::kLanes,
    .most_pixels = {6, 6, 4, 0},
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>}},
    .copy = direct_copy<Avx2>,
};

}  // namespace fettle::kernels
