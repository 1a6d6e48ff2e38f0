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
constexpr PlanarKernel kTile = planar_tile<Avx2, kRows, kVectors>;

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
    .kernels = {{kTile<1, 1>, kTile<2, 1>, kTile<3, 1>, kTile<4, 1>, kTile<5, 1>, kTile<6, 1>, kTile<7, 1>,
                 kTile<8, 1>, kTile<9, 1>, kTile<10, 1>, kTile<11, 1>, kTile<12, 1>},
                {kTile<1, 2>, kTile<2, 2>, kTile<3, 2>, kTile<4, 2>, kTile<5, 2>, kTile<6, 2>},
                {kTile<1, 3>, kTile<2, 3>, kTile<3, 3>, kTile<4, 3>}},
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
