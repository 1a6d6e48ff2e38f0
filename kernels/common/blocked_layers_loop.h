// SPDX-License-Identifier: Apache-2.0
//
// The loops of layers in blocks of channels. Included by the files of instruction sets alone, as tile_loop.h
// is.
#pragma once

#include "kernels/common/blocked_layers.h"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace fettle::kernels {

template <typename Simd>
void maximum_row(const MaximumRow& row) noexcept {
  const auto low = Simd::all(row.low);
  const auto high = Simd::all(row.high);
  const auto infinity = Simd::all(std::numeric_limits<float>::infinity());
  for (std::int64_t ox = 0; ox < row.out_w; ++ox) {
    const std::int64_t left = ox * row.stride - row.pad_left;
    // The first column at or right of the image's left border, and the first one right of its last pixel.
    const std::int64_t first = left >= 0 ? 0 : (-left + row.dilation - 1) / row.dilation;
    const std::int64_t reached = left >= row.in_w ? 0 : (row.in_w - 1 - left) / row.dilation + 1;
    const std::int64_t last = reached < row.columns ? reached : row.columns;
    const float* line = row.input + left * Simd::kLanes;
    auto most = Simd::all(-std::numeric_limits<float>::infinity());
    for (std::int64_t ky = 0; ky < row.rows; ++ky, line += row.row_pitch * Simd::kLanes) {
      for (std::int64_t kx = first; kx < last; ++kx)
        most = Simd::clamp(Simd::load(line + kx * row.dilation * Simd::kLanes), most, infinity);
    }
    Simd::store(row.output + ox * Simd::kLanes, Simd::clamp(most, low, high));
  }
}

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

template <typename Simd>
void add_blocks(const float* a, const float* b, float* y, std::int64_t count, Clamp clamp) noexcept {
  const auto low = Simd::all(clamp.low);
  const auto high = Simd::all(clamp.high);
  for (std::int64_t i = 0; i < count; i += Simd::kLanes)
    Simd::store(y + i, Simd::clamp(Simd::add(Simd::load(a + i), Simd::load(b + i)), low, high));
}

}  // namespace fettle::kernels
