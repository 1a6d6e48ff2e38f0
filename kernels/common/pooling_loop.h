// SPDX-License-Identifier: Apache-2.0
//
// A pool of an output row in nhwc, some vectors of channels at a time, so that results do not wait for each
// other. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/pooling.h"

#include <cstdint>

namespace fettle::kernels {

/// The window's columns that lie inside the image at one output, and the reciprocal of an average's divisor.
struct PoolColumns {
  std::int64_t first, last;
  float factor;
};

/// kVectors vectors of channels of one output; `input` is the window's first column.
template <typename Simd, bool kMaximum, bool kTail, int kVectors>
inline void pool_pixel(const PoolRow& row, const PoolColumns& columns, const float* input, float* output,
                       typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  const Vector start = Simd::all(kMaximum ? -__builtin_inff() : 0.0f);
  Vector result[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) result[v] = start;
  const std::int64_t step = row.dilation * row.input_pitch;
  const float* line = input + columns.first * step;
  for (std::int64_t ky = 0; ky < row.tap_rows; ++ky, line += row.tap_row_pitch) {
    const float* x = line;
    for (std::int64_t kx = columns.first; kx < columns.last; ++kx, x += step) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Vector next = load_lanes<Simd, kTail>(x + v * Simd::kLanes, mask);
        result[v] = kMaximum ? Simd::larger(next, result[v]) : Simd::add(result[v], next);
      }
    }
  }
  const Vector factor = Simd::all(columns.factor);
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vector scaled = kMaximum ? result[v] : Simd::mul(result[v], factor);
    store_lanes<Simd, kTail>(output + v * Simd::kLanes, Simd::clamp(scaled, low, high), mask);
  }
}

/// How many of the window's columns, from the left, lie left of `end`.
template <typename Simd>
inline std::int64_t columns_before(const PoolRow& row, std::int64_t left, std::int64_t end) noexcept {
  const std::int64_t reached = left >= end ? 0 : (end - 1 - left) / row.dilation + 1;
  return reached < row.columns ? reached : row.columns;
}

template <typename Simd>
inline PoolColumns pool_columns(const PoolRow& row, std::int64_t left) noexcept {
  const std::int64_t last = columns_before<Simd>(row, left, row.in_w);
  const std::int64_t skipped = left >= 0 ? 0 : (-left + row.dilation - 1) / row.dilation;
  const std::int64_t first = skipped < last ? skipped : last;
  const std::int64_t counted =
      row.counts_padding ? columns_before<Simd>(row, left, row.counted_w) : last - first;
  const std::int64_t divisor = row.counted_rows * counted;
  return {first, last, 1.0f / static_cast<float>(divisor > 0 ? divisor : 1)};
}

template <typename Simd, bool kMaximum>
void pool_row(const PoolRow& row) noexcept {
  constexpr int kMost = 4;
  const auto all = Simd::mask(Simd::kLanes);
  for (std::int64_t ox = 0; ox < row.outputs; ++ox) {
    const std::int64_t left = ox * row.stride - row.pad_left;
    const PoolColumns columns = pool_columns<Simd>(row, left);
    const float* input = row.input + left * row.input_pitch;
    float* output = row.output + ox * row.output_pitch;
    std::int64_t c = 0;
    for (; c + kMost * Simd::kLanes <= row.channels; c += kMost * Simd::kLanes)
      pool_pixel<Simd, kMaximum, false, kMost>(row, columns, input + c, output + c, all);
    for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes)
      pool_pixel<Simd, kMaximum, false, 1>(row, columns, input + c, output + c, all);
    if (c < row.channels)
      pool_pixel<Simd, kMaximum, true, 1>(row, columns, input + c, output + c,
                                          Simd::mask(static_cast<std::size_t>(row.channels - c)));
  }
}

}  // namespace fettle::kernels
