// SPDX-License-Identifier: Apache-2.0
//
// Tiles of convolutions that read planes, for AVX-512: of the sizes of tile_avx512.cc, and with the same
// registers. The input is addressed from three registers and two multiples of a step.
#include "kernels/common/planar_loop.h"
#include "kernels/common/planar_pixels_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr PlanarKernel kTile = planar_tile<Avx512, kRows, kVectors>;

struct Across : Avx512, BroadcastWeights<Avx512> {
  using Vector = Avx512::Vector;
  static void split(Vector a, Vector b, Vector& even, Vector& odd) noexcept {
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    even = _mm512_permutex2var_ps(a, evens, b);
    odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(evens, _mm512_set1_epi32(1)), b);
  }
};

constexpr int kGroup = 8;
template <int kVectors>
constexpr PlanarPixelsKernel kPixels = planar_pixels_tile<Across, kGroup, kVectors>;

}  // namespace

constinit const PlanarSet kPlanarAvx512 = {
    .tiles = &kTilesAvx512,
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>, kTile<7, 1>,
                 kTile<8, 1>, kTile<9, 1>, kTile<10, 1>, kTile<11, 1>, kTile<12, 1>, kTile<13, 1>,
                 kTile<14, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>, kTile<7, 2>,
                 kTile<8, 2>, kTile<9, 2>, kTile<10, 2>, kTile<11, 2>, kTile<12, 2>, kTile<13, 2>,
                 kTile<14, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>, kTile<5, 3>, kTile<6, 3>, kTile<7, 3>,
                 kTile<8, 3>}},
};

constinit const PlanarPixelsSet kPlanarPixelsAvx512 = {
    .lanes = Avx512::kLanes,
    .group = kGroup,
    .most_vectors = 3,
    .kernels = {kPixels<1>, kPixels<2>, kPixels<3>},
    .split = split_pairs<Across>,
    .convert = &kConvertAvx512,
};

}  // namespace fettle::kernels
