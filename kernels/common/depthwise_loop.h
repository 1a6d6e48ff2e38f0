// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution of a stretch of an output row in nhwc, a vector of channels at a time. kPixels
// outputs are computed together, so that each weight is loaded once for all of them; with 8 sums in flight
// two FMA units of latency 4 are busy. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/depthwise.h"
#include "kernels/common/lanes.h"

#include <cstdint>

namespace fettle::kernels {

/// kPixels neighbouring outputs whose windows lie inside the image from left to right. kColumns and kStride
/// are the window's width and step, or 0 where they are only known at run time.
template <typename Simd, bool kTail, int kPixels, int kColumns, int kStride>
inline void depthwise_pixels(const DepthwiseRow& row, const float* input, const float* packed, float* output,
                             typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  const int columns = kColumns > 0 ? kColumns : row.columns;
  const std::int64_t step = (kStride > 0 ? kStride : row.stride) * row.input_pitch;
  const std::int64_t tap_pitch = kColumns > 0 ? row.input_pitch : row.dilation * row.input_pitch;
  Vector sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) sum[p] = Simd::load(packed);
  packed += Simd::kLanes * (1 + row.first_tap_row * columns);
  const float* line = input;
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky, line += row.tap_row_pitch) {
    const float* x = line;
#pragma GCC unroll 7
    for (int kx = 0; kx < columns; ++kx, x += tap_pitch, packed += Simd::kLanes) {
      const Vector weight = Simd::load(packed);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p)
        sum[p] = Simd::fma(weight, load_lanes<Simd, kTail>(x + p * step, mask), sum[p]);
    }
  }
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p)
    store_lanes<Simd, kTail>(output + p * row.output_pitch, Simd::clamp(sum[p], low, high), mask);
}

/// One output whose window leaves the image on a side.
template <typename Simd>
inline void depthwise_edge(const DepthwiseRow& row, std::int64_t ox, const float* input, const float* packed,
                           float* output, typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  Vector sum = Simd::load(packed);
  packed += Simd::kLanes;
  const std::int64_t left = ox * row.stride - row.pad_left;
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky) {
    const float* line = input + (ky - row.first_tap_row) * row.tap_row_pitch;
    for (int kx = 0; kx < row.columns; ++kx) {
      const std::int64_t ix = left + kx * row.dilation;
      if (ix < 0 || ix >= row.in_w) continue;
      const Vector weight = Simd::load(packed + (ky * row.columns + kx) * Simd::kLanes);
      sum = Simd::fma(weight, Simd::load(line + ix * row.input_pitch, mask), sum);
    }
  }
  Simd::store(output + ox * row.output_pitch, Simd::clamp(sum, Simd::all(row.low), Simd::all(row.high)),
              mask);
}

/// One vector of channels.
template <typename Simd, bool kTail, int kColumns, int kStride>
inline void depthwise_channels(const DepthwiseRow& row, const float* input, const float* packed,
                               float* output, typename Simd::Mask mask) noexcept {
  const auto pixels = [&]<int kPixels>(std::int64_t ox) {
    depthwise_pixels<Simd, kTail, kPixels, kColumns, kStride>(
        row, input + (ox * row.stride - row.pad_left) * row.input_pitch, packed,
        output + ox * row.output_pitch, mask);
  };
  std::int64_t ox = row.first;
  for (; ox < row.inner_first && ox < row.last; ++ox)
    depthwise_edge<Simd>(row, ox, input, packed, output, mask);
  const std::int64_t inner_last = row.inner_last < row.last ? row.inner_last : row.last;
  for (; ox + 8 <= inner_last; ox += 8) pixels.template operator()<8>(ox);
  for (; ox + 2 <= inner_last; ox += 2) pixels.template operator()<2>(ox);
  for (; ox < row.last; ++ox) depthwise_edge<Simd>(row, ox, input, packed, output, mask);
}

template <typename Simd, int kColumns, int kStride>
void depthwise_row(const DepthwiseRow& row) noexcept {
  const float* packed = row.packed;
  std::int64_t c = 0;
  for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes, packed += row.packed_pitch) {
    depthwise_channels<Simd, false, kColumns, kStride>(row, row.input + c, packed, row.output + c,
                                                       Simd::mask(Simd::kLanes));
  }
  if (c < row.channels) {
    depthwise_channels<Simd, true, kColumns, kStride>(row, row.input + c, packed, row.output + c,
                                                      Simd::mask(static_cast<std::size_t>(row.channels - c)));
  }
}

}  // namespace fettle::kernels
