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
constexpr DirectKernel kDirectTile = direct_tile<BroadcastTap<Avx2>, kPixels, kVectors>;

}  // namespace

constinit const DirectSet kDirectAvx2 = {
    .lanes = Avx2::kLanes,
    .most_pixels = {6, 6, 4, 0},
    .kernels = {{kDirectTile<1, 1>, kDirectTile<2, 1>, kDirectTile<3, 1>, kDirectTile<4, 1>,
                 kDirectTile<5, 1>, kDirectTile<6, 1>},
                {kDirectTile<1, 2>, kDirectTile<2, 2>, kDirectTile<3, 2>, kDirectTile<4, 2>,
                 kDirectTile<5, 2>, kDirectTile<6, 2>},
                {kDirectTile<1, 3>, kDirectTile<2, 3>, kDirectTile<3, 3>, kDirectTile<4, 3>}},
    .copy = direct_copy<Avx2>,
};

}  // namespace fettle::kernels
