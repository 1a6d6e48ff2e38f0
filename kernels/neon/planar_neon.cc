// SPDX-License-Identifier: Apache-2.0
//
// Tiles of convolutions that read planes, for NEON: vectors of outputs times four weights by lane. On
// aarch64, with 32 registers:
//
//   8 x 3: v0..v23 sums | v24..v26 inputs | v27 v28 weights    24 FMAs for 5 loads
//
// and on armv7, with 16:
//
//   4 x 2: q8..q15 sums | q0 q1 inputs | q2 weights    8 multiply-adds for 3 loads
#include "kernels/common/planar_pixels_loop.h"
#include "kernels/neon/fma_lane.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {
namespace {

struct Across : Neon {
  template <int kLane, int kChannels, int kVectors>
  static void multiply_lane(Vector (&sums)[kChannels][kVectors], const Vector (&inputs)[kVectors],
                            Vector weights, int quad) noexcept {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v)
      sums[quad + kLane][v] = fma_lane<kLane>(sums[quad + kLane][v], inputs[v], weights);
  }
  template <int kChannels, int kVectors>
  static void multiply(Vector (&sums)[kChannels][kVectors], const Vector (&inputs)[kVectors],
                       const float* weights) noexcept {
#pragma GCC unroll 2
    for (int quad = 0; quad < kChannels; quad += kLanes) {
      const Vector four = load(weights + quad);
      multiply_lane<0>(sums, inputs, four, quad);
      multiply_lane<1>(sums, inputs, four, quad);
      multiply_lane<2>(sums, inputs, four, quad);
      multiply_lane<3>(sums, inputs, four, quad);
    }
  }
  static void split(Vector a, Vector b, Vector& even, Vector& odd) noexcept {
    const float32x4x2_t both = vuzpq_f32(a, b);
    even = both.val[0];
    odd = both.val[1];
  }
};

#if defined(__aarch64__)
constexpr int kGroup = 8;
constexpr int kMost = 3;
#else
constexpr int kGroup = 4;
constexpr int kMost = 2;
#endif

template <int kVectors>
constexpr PlanarPixelsKernel kPixels = planar_pixels_tile<Across, kGroup, kVectors>;

}  // namespace

constinit const PlanarPixelsSet kPlanarPixelsNeon = {
    .lanes = Neon::kLanes,
    .group = kGroup,
    .most_vectors = kMost,
    .kernels = {kPixels<1>, kPixels<2>, kMost < 3 ? nullptr : kPixels<kMost>},
    .split = split_pairs<Across>,
    .convert = &kConvertNeon,
};

}  // namespace fettle::kernels
