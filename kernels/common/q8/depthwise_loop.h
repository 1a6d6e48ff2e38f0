// SPDX-License-Identifier: Apache-2.0
//
// The loops of quantised depthwise convolutions for registers of several lanes of 16 bytes, in which bytes
// are unpacked (x86). Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/q8/depthwise.h"

#include <cstring>

namespace fettle::kernels {

template <typename Simd>
void interleave_q8(const InterleaveQ8& columns) noexcept {
  const typename Simd::Bytes outside = Simd::all_bytes(columns.zero);
  const typename Simd::Bytes flip = Simd::all_bytes(columns.flip);
  const bool whole = columns.channels == Simd::kChannels;
  std::byte* to = columns.to;
  for (std::int64_t pixel = 0; pixel < columns.pixels; ++pixel, to += 4 * Simd::kChannels) {
    typename Simd::Bytes taps[Simd::kTaps];
#pragma GCC unroll 4
    for (int t = 0; t < Simd::kTaps; ++t) {
      const std::uint8_t* row = columns.rows[t];
      const std::uint8_t* from = row == nullptr ? nullptr : row + pixel * columns.pixel_pitch;
      const typename Simd::Bytes bytes = from == nullptr ? outside
                                         : whole         ? Simd::load_bytes(from)
                                                         : Simd::load_bytes(from, columns.channels);
      taps[t] = Simd::flipped(bytes, flip);
    }
    Simd::store_interleaved(to, taps);
  }
}

/// `kAddsWindow`: the sum of each window's bytes, times a factor, is added.
template <typename Simd, int kPixels, bool kAddsWindow>
inline void depthwise_q8_pixels(const DepthwiseQ8Row& row, const std::byte* columns,
                                std::uint8_t* output) noexcept {
  constexpr int kVectors = 4;
  typename Simd::Sums sums[kPixels][kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const typename Simd::Sums begin = Simd::load_sums(row.begin + v * Simd::kLanes);
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) sums[p][v] = begin;
  }
  typename Simd::Sums windows[kPixels][kVectors] = {};
  const std::byte* weights = row.weights;
  for (std::int64_t group = 0; group < row.groups; ++group, columns += row.group_step) {
    const std::byte* x = columns;
    const bool last = group + 1 == row.groups;
    [[maybe_unused]] const typename Simd::Bytes ones = Simd::ones(last ? row.last_taps : Simd::kTaps);
    for (std::int64_t kx = 0; kx < row.kernel_w; ++kx, x += row.column_step) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const typename Simd::Bytes w = Simd::load_quads(weights + v * Simd::kLanes * 4);
#pragma GCC unroll 4
        for (int p = 0; p < kPixels; ++p) {
          const typename Simd::Bytes quads =
              Simd::load_quads(x + static_cast<std::size_t>(p) * row.window_step + v * Simd::kLanes * 4);
          sums[p][v] = Simd::multiply_add(quads, w, sums[p][v]);
          if constexpr (kAddsWindow) windows[p][v] = Simd::multiply_add(quads, ones, windows[p][v]);
        }
      }
      weights += 4 * Simd::kChannels;
    }
  }
  if constexpr (kAddsWindow) {
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[p][v] += windows[p][v] * row.factor;
    }
  }
  const typename Simd::Rounding rounding(row);
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p)
    rounding.store(sums[p], row.scale, output + p * row.output_pitch, row.channels);
}

template <typename Simd, int kPixels, bool kAddsWindow = false>
void depthwise_q8_row(const DepthwiseQ8Row& row) noexcept {
  if constexpr (Simd::kWeightBytes == 1 && !kAddsWindow) {
    if (row.factor != 0) {
      depthwise_q8_row<Simd, kPixels / 2, true>(row);
      return;
    }
  }
  const std::byte* columns = row.columns;
  std::uint8_t* output = row.output;
  std::int64_t left = row.pixels;
  for (; left >= kPixels; left -= kPixels) {
    depthwise_q8_pixels<Simd, kPixels, kAddsWindow>(row, columns, output);
    columns += kPixels * row.window_step;
    output += kPixels * row.output_pitch;
  }
  for (; left > 0; --left, columns += row.window_step, output += row.output_pitch)
    depthwise_q8_pixels<Simd, 1, kAddsWindow>(row, columns, output);
}

}  // namespace fettle::kernels
