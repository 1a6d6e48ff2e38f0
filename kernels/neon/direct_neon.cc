// SPDX-License-Identifier: Apache-2.0
//
// Tiles of direct convolutions for NEON. A pixel's four channels are one register, and multiply by lane. On
// aarch64, with 32 registers:
//
//   8 x 2: v0..v15 sums | v16..v23 pixels | v24 v25 .. weights    64 FMAs for 16 loads
//   6 x 3: v0..v17 sums | v18..v23 pixels | v24 v25 v26 .. weights    72 FMAs for 18 loads
//   4 x 4: v0..v15 sums | v16..v19 pixels | v20..v23 .. weights    64 FMAs for 20 loads
//
// and on armv7, with 16:
//
//   4 x 2: q8..q15 sums | q0..q3 pixels | q4 q5 .. weights    32 multiply-adds for 12 loads
#include "kernels/common/direct_loop.h"
#include "kernels/neon/fma_lane.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {
namespace {

struct LaneTap : Neon {
  template <int kLane, int kPixels, int kVectors>
  static void multiply_lane(DirectSums<LaneTap, kPixels, kVectors>& sums, const Vector (&pixels)[kPixels],
                            const float* weights, std::int64_t pitch) noexcept {
    Vector w[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) w[v] = load(weights + v * pitch + kLane * kLanes);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums.at[p][v] = fma_lane<kLane>(sums.at[p][v], w[v], pixels[p]);
    }
  }

  template <int kPixels, int kVectors>
  static void multiply(DirectSums<LaneTap, kPixels, kVectors>& sums, const float* x, const float* weights,
                       std::int64_t pitch, const char* prefetch, std::size_t) noexcept {
    __builtin_prefetch(prefetch, 0, 2);
    Vector pixels[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) pixels[p] = load(x + p * kLanes);
    multiply_lane<0>(sums, pixels, weights, pitch);
    multiply_lane<1>(sums, pixels, weights, pitch);
    multiply_lane<2>(sums, pixels, weights, pitch);
    multiply_lane<3>(sums, pixels, weights, pitch);
  }
};

template <int kPixels, int kVectors>
constexpr DirectKernel kDirectTile = direct_tile<LaneTap, kPixels, kVectors>;

}  // namespace

#if defined(__aarch64__)
constinit const DirectSet kDirectNeon = {
    .lanes = Neon::kLanes,
    .most_pixels = {8, 8, 6, 4},
    .kernels = {{kDirectTile<1, 1>, kDirectTile<2, 1>, kDirectTile<3, 1>, kDirectTile<4, 1>,
                 kDirectTile<5, 1>, kDirectTile<6, 1>, kDirectTile<7, 1>, kDirectTile<8, 1>},
                {kDirectTile<1, 2>, kDirectTile<2, 2>, kDirectTile<3, 2>, kDirectTile<4, 2>,
                 kDirectTile<5, 2>, kDirectTile<6, 2>, kDirectTile<7, 2>, kDirectTile<8, 2>},
                {kDirectTile<1, 3>, kDirectTile<2, 3>, kDirectTile<3, 3>, kDirectTile<4, 3>,
                 kDirectTile<5, 3>, kDirectTile<6, 3>},
                {kDirectTile<1, 4>, kDirectTile<2, 4>, kDirectTile<3, 4>, kDirectTile<4, 4>}},
    .copy = direct_copy<Neon>,
};
#else
constinit const DirectSet kDirectNeon = {
    .lanes = Neon::kLanes,
    .most_pixels = {4, 4, 0, 0},
    .kernels = {{kDirectTile<1, 1>, kDirectTile<2, 1>, kDirectTile<3, 1>, kDirectTile<4, 1>},
                {kDirectTile<1, 2>, kDirectTile<2, 2>, kDirectTile<3, 2>, kDirectTile<4, 2>}},
    .copy = direct_copy<Neon>,
};
#endif

}  // namespace fettle::kernels
