// SPDX-License-Identifier: Apache-2.0
//
// Tiles of convolutions that read planes, for AVX2: of the sizes of tile_avx2.cc, and with the same
// registers.
#include "kernels/common/planar_loop.h"
#include "kernels/common/planar_pixels_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {
namespace {

template <int kRows, int kVectors>
constexpr PlanarKernel kPlanarTile = planar_tile<Avx2, kRows, kVectors>;

struct Across : Avx2, BroadcastWeights<Avx2> {
  using Vector = Avx2::Vector;
  static void split(Vector a, Vector b, Vector& even, Vector& odd) noexcept {
    const Vector low = _mm256_permute2f128_ps(a, b, 0x20);
    const Vector high = _mm256_permute2f128_ps(a, b, 0x31);
    even = _mm256_shuffle_ps(low, high, 0x88);
    odd = _mm256_shuffle_ps(low, high, 0xdd);
  }
};

constexpr int kGroup = 4;
template <int kVectors>
constexpr PlanarPixelsKernel kPixels = planar_pixels_tile<Across, kGroup, kVectors>;

}  // namespace

constinit const PlanarSet kPlanarAvx2 = {
    .tiles = &kTilesAvx2,
    .kernels = {{kPlanarTile<1, 1>, kPlanarTile<2, 1>, kPlanarTile<3, 1>, kPlanarTile<4, 1>,
                 kPlanarTile<5, 1>, kPlanarTile<6, 1>, kPlanarTile<7, 1>, kPlanarTile<8, 1>,
                 kPlanarTile<9, 1>, kPlanarTile<10, 1>, kPlanarTile<11, 1>, kPlanarTile<12, 1>},
                {kPlanarTile<1, 2>, kPlanarTile<2, 2>, kPlanarTile<3, 2>, kPlanarTile<4, 2>,
                 kPlanarTile<5, 2>, kPlanarTile<6, 2>},
                {kPlanarTile<1, 3>, kPlanarTile<2, 3>, kPlanarTile<3, 3>, kPlanarTile<4, 3>}},
};

constinit const PlanarPixelsSet kPlanarPixelsAvx2 = {
    .lanes = Avx2::kLanes,
    .group = kGroup,
    .most_vectors = 3,
    .kernels = {kPixels<1>, kPixels<2>, kPixels<3>},
    .split = split_pairs<Across>,
    .convert = &kConvertAvx2,
};

}  // namespace fettle::kernels
