// SPDX-License-Identifier: Apache-2.0
//
// The loop of means in blocks of channels. Included by the files of instruction sets alone, as tile_loop.h
// is.
#pragma once

#include "kernels/common/blocked_layers.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// Four sums, so that additions do not wait for each other.
template <typename Simd>
void mean_of(const float* from, std::int64_t pixels, Clamp clamp, float* to, std::size_t channels) noexcept {
  typename Simd::Vector sums[4] = {Simd::all(0), Simd::all(0), Simd::all(0), Simd::all(0)};
  std::int64_t p = 0;
  for (; p + 4 <= pixels; p += 4, from += 4 * Simd::kLanes) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sums[i] = Simd::add(sums[i], Simd::load(from + i * Simd::kLanes));
  }
  for (; p < pixels; ++p, from += Simd::kLanes) sums[0] = Simd::add(sums[0], Simd::load(from));
  const auto sum = Simd::add(Simd::add(sums[0], sums[1]), Simd::add(sums[2], sums[3]));
  const auto mean = Simd::mul(sum, Simd::all(1.0f / static_cast<float>(pixels)));
  Simd::store(to, Simd::clamp(mean, Simd::all(clamp.low), Simd::all(clamp.high)), Simd::mask(channels));
}

}  // namespace fettle::kernels
