// SPDX-License-Identifier: Apache-2.0
//
// Tiles of direct convolutions for AVX-512. Of the 32 registers up to 28 are sums, one for each vector across
// holds a row of weights, and one a number of the input, broadcast to all lanes:
//
//   14 x 1, 14 x 2, 9 x 3, 6 x 4: 14, 28, 27 and 24 FMAs for 15, 16, 12 and 10 loads
#include "kernels/common/direct_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {
namespace {

template <int kPixels, int kVectors>
constexpr DirectKernel kTile = direct_tile<BroadcastTap<Avx512>, kPixels, kVectors>;

}  // namespace

constinit const DirectSet kDirectAvx512 = {
    .lanes = Avx512::kLanes,
    .most_pixels = {14, 14, 9, 6},
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>, kTile<7, 1>,
                 kTile<8, 1>, kTile<9, 1>, kTile<10, 1>, kTile<11, 1>, kTile<12, 1>, kTile<13, 1>,
                 kTile<14, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>, kTile<7, 2>,
                 kTile<8, 2>, kTile<9, 2>, kTile<10, 2>, kTile<11, 2>, kTile<12, 2>, kTile<13, 2>,
                 kTile<14, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>, kTile<5, 3>, kTile<6, 3>, kTile<7, 3>,
                 kTile<8, 3>, kTile<9, 3>},
                {kTile<1, 4>, kTile<2, 4>, kTile<3, 4>, kTile<4, 4>, kTile<5, 4>, kTile<6, 4>}},
    .copy = direct_copy<Avx512>,
};

}  // namespace fettle::kernels
