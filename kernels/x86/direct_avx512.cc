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
constexpr DirectKernel kDirectTile = direct_tile<BroadcastTap<Avx512>, kPixels, kVectors>;

}  // namespace

constinit const DirectSet kDirectAvx512 = {
    .lanes = Avx512::kLanes,
    .most_pixels = {14, 14, 9, 6},
    .kernels =
        {{kDirectTile<1, 1>, kDirectTile<2, 1>, kDirectTile<3, 1>, kDirectTile<4, 1>, kDirectTile<5, 1>,
          kDirectTile<6, 1>, kDirectTile<7, 1>, kDirectTile<8, 1>, kDirectTile<9, 1>, kDirectTile<10, 1>,
          kDirectTile<11, 1>, kDirectTile<12, 1>, kDirectTile<13, 1>, kDirectTile<14, 1>},
         {kDirectTile<1, 2>, kDirectTile<2, 2>, kDirectTile<3, 2>, kDirectTile<4, 2>, kDirectTile<5, 2>,
          kDirectTile<6, 2>, kDirectTile<7, 2>, kDirectTile<8, 2>, kDirectTile<9, 2>, kDirectTile<10, 2>,
          kDirectTile<11, 2>, kDirectTile<12, 2>, kDirectTile<13, 2>, kDirectTile<14, 2>},
         {kDirectTile<1, 3>, kDirectTile<2, 3>, kDirectTile<3, 3>, kDirectTile<4, 3>, kDirectTile<5, 3>,
          kDirectTile<6, 3>, kDirectTile<7, 3>, kDirectTile<8, 3>, kDirectTile<9, 3>},
         {kDirectTile<1, 4>, kDirectTile<2, 4>, kDirectTile<3, 4>, kDirectTile<4, 4>, kDirectTile<5, 4>,
          kDirectTile<6, 4>}},
    .copy = direct_copy<Avx512>,
};

}  // namespace fettle::kernels
