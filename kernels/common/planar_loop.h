// SPDX-License-Identifier: Apache-2.0
//
// The tile of planar_rows.h, for instruction sets that broadcast a number as fast as they load a vector
// (x86). Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/planar_rows.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

template <typename Simd, int kRows, int kVectors>
void planar_tile(const PlanarTile& t) noexcept {
  using Vector = typename Simd::Vector;
  Vector sums[kRows][kVectors];
  const float* weights = t.panel;
#pragma GCC unroll 3
  for (int v = 0; v < kVectors; ++v) {
    const Vector bias = Simd::load(t.bias + v * Simd::kLanes);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums[r][v] = bias;
  }
  // Two more bases, so that few multiples of the step take registers.
  constexpr int kOfBase = 5;
  const std::int64_t step = t.step;
  const std::int64_t base_step = kOfBase * step;
  for (std::int64_t k = 0; k < t.depth; ++k) {
    const float* x = t.input + t.distances[k];
    const float* const bases[] = {x, x + base_step, x + 2 * base_step};
    Vector w[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v, weights += Simd::kLanes) w[v] = Simd::load(weights);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      const Vector input = Simd::broadcast(bases[r / kOfBase] + r % kOfBase * step);
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Simd::fma(input, w[v], sums[r][v]);
    }
  }
  const Vector low = Simd::all(t.low);
  const Vector high = Simd::all(t.high);
  const auto last = Simd::mask(t.last_lanes);
  const bool whole = t.last_lanes == static_cast<std::size_t>(Simd::kLanes);
  const std::int64_t output_pitch = t.output_pitch;
  const std::int64_t vector_pitch = t.vector_pitch;
  float* output = t.output;
  if (t.fills) {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r)
      Simd::store(output + r * output_pitch + (kVectors - 1) * vector_pitch, Simd::all(0));
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r, output += output_pitch) {
    float* to = output;
#pragma GCC unroll 3
    for (int v = 0; v + 1 < kVectors; ++v, to += vector_pitch)
      Simd::store(to, Simd::clamp(sums[r][v], low, high));
    store_some<Simd>(to, Simd::clamp(sums[r][kVectors - 1], low, high), whole, last);
  }
}

}  // namespace fettle::kernels
