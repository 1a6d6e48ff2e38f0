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
constexpr PlanarKernel kPlanarTile = planar_tile<Avx512, kRows, kVectors>;

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
    .kernels = {{kPlanarTile<1, 1>, kPlanarTile<2, 1>, kPlanarTile<3, 1>, kPlanarTile<4, 1>,
                 kPlanarTile<5, 1>, kPlanarTile<6, 1>, kPlanarTile<7, 1>, kPlanarTile<8, 1>,
                 kPlanarTile<9, 1>, kPlanarTile<10, 1>, kPlanarTile<11, 1>, kPlanarTile<12, 1>,
                 kPlanarTile<13, 1>, kPlanarTile<14, 1>},
                {kPlanarTile<1, 2>, kPlanarTile<2, 2>, kPlanarTile<3, 2>, kPlanarTile<4, 2>,
                 kPlanarTile<5, 2>, kPlanarTile<6, 2>, kPlanarTile<7, 2>, kPlanarTile<8, 2>,
                 kPlanarTile<9, 2>, kPlanarTile<10, 2>, kPlanarTile<11, 2>, kPlanarTile<12, 2>,
                 kPlanarTile<13, 2>, kPlanarTile<14, 2>},
                {kPlanarTile<1, 3>, kPlanarTile<2, 3>, kPlanarTile<3, 3>, kPlanarTile<4, 3>,
                 kPlanarTile<5, 3>, kPlanarTile<6, 3>, kPlanarTile<7, 3>, kPlanarTile<8, 3>}},
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
