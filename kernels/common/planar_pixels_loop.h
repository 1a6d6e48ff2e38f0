// SPDX-License-Identifier: Apache-2.0
//
// The tile of planar_pixels.h. `Across` is a Simd with, beside its other functions,
//
//   template <int kChannels, int kVectors>   // adds the products of one row of weights
//   static void multiply(Vector (&sums)[kChannels][kVectors], const Vector (&inputs)[kVectors],
//                        const float* weights) noexcept;
//   static void split(Vector a, Vector b, Vector& even, Vector& odd) noexcept;   // of a and b behind it
//
// Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/planar_pixels.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

template <typename Across, int kChannels, int kVectors>
void planar_pixels_tile(const PlanarPixelsTile& t) noexcept {
  using Vector = typename Across::Vector;
  Vector sums[kChannels][kVectors];
  const float* weights = t.weights;
#pragma GCC unroll 8
  for (int c = 0; c < kChannels; ++c) {
    const Vector bias = Across::all(t.bias[c]);
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) sums[c][v] = bias;
  }
  const std::int64_t* distances = t.distances;
  for (auto left = static_cast<std::size_t>(t.depth); left > 0; --left, ++distances) {
    const float* x = t.input + *distances;
    Vector inputs[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) inputs[v] = Across::load(x + v * Across::kLanes);
    Across::multiply(sums, inputs, weights);
    weights += kChannels;
  }
  const Vector low = Across::all(t.low);
  const Vector high = Across::all(t.high);
  const auto last = Across::mask(t.last_lanes);
  const bool whole = t.last_lanes == static_cast<std::size_t>(Across::kLanes);
  float* output = t.output;
  const std::int64_t channels = t.channels;
#pragma GCC unroll 8
  for (int c = 0; c < kChannels; ++c, output += t.output_pitch) {
    if (c >= channels) return;
#pragma GCC unroll 3
    for (int v = 0; v + 1 < kVectors; ++v)
      Across::store(output + v * Across::kLanes, Across::clamp(sums[c][v], low, high));
    store_some<Across>(output + (kVectors - 1) * Across::kLanes,
                       Across::clamp(sums[c][kVectors - 1], low, high), whole, last);
  }
}

template <typename Across>
void split_pairs(const float* from, float* even, float* odd, std::int64_t pairs) noexcept {
  using Vector = typename Across::Vector;
  constexpr std::int64_t kLanes = Across::kLanes;
  Vector evens;
  Vector odds;
  std::int64_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes, from += 2 * kLanes) {
    Across::split(Across::load(from), Across::load(from + kLanes), evens, odds);
    Across::store(even + i, evens);
    Across::store(odd + i, odds);
  }
  if (i == pairs) return;
  const auto mask = [](std::int64_t count) { return Across::mask(static_cast<std::size_t>(count)); };
  const std::int64_t left = 2 * (pairs - i);
  if (left > kLanes)
    Across::split(Across::load(from), Across::load(from + kLanes, mask(left - kLanes)), evens, odds);
  else
    Across::split(Across::load(from, mask(left)), Across::all(0), evens, odds);
  Across::store(even + i, evens, mask(pairs - i));
  Across::store(odd + i, odds, mask(pairs - i));
}

/// By numbers of weights in all lanes, for instruction sets that load one into all lanes as fast as a vector.
template <typename Simd>
struct BroadcastWeights {
  using Vector = typename Simd::Vector;
  template <int kChannels, int kVectors>
  static void multiply(Vector (&sums)[kChannels][kVectors], const Vector (&inputs)[kVectors],
                       const float* weights) noexcept {
#pragma GCC unroll 8
    for (int c = 0; c < kChannels; ++c) {
      const Vector weight = Simd::broadcast(weights + c);
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) sums[c][v] = Simd::fma(inputs[v], weight, sums[c][v]);
    }
  }
};

}  // namespace fettle::kernels
