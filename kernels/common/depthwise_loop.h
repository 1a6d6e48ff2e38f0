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

/// Pixels that the windows of neighbouring outputs cover.
template <int kPixels, int kColumns, int kStride>
constexpr int kDepthwiseAcross = (kPixels - 1) * kStride + kColumns;

/// Whether registers hold them all, and the outputs' sums, so that each is loaded once.
template <typename Simd, int kPixels, int kColumns, int kStride>
constexpr bool kDepthwiseShares =
    kColumns > 0 && kDepthwiseAcross<kPixels, kColumns, kStride> + kPixels < Simd::kRegisters;

/// The products of one row of the windows with the pixels that they cover.
template <typename Simd, int kPixels, int kColumns, int kStride>
inline void add_depthwise_row(const typename Simd::Vector* x, const float* weights,
                              typename Simd::Vector* sum) noexcept {
#pragma GCC unroll 7
  for (int kx = 0; kx < kColumns; ++kx, weights += Simd::kLanes) {
    const typename Simd::Vector weight = Simd::load(weights);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) sum[p] = Simd::fma(weight, x[p * kStride + kx], sum[p]);
  }
}

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
    if constexpr (kDepthwiseShares<Simd, kPixels, kColumns, kStride>) {
      constexpr int kAcross = kDepthwiseAcross<kPixels, kColumns, kStride>;
      Vector x[kAcross];
#pragma GCC unroll 21
      for (int i = 0; i < kAcross; ++i) x[i] = load_lanes<Simd, kTail>(line + i * tap_pitch, mask);
      add_depthwise_row<Simd, kPixels, kColumns, kStride>(x, packed, sum);
      packed += kColumns * Simd::kLanes;
      continue;
    }
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

/// The same at the image's left and right border: of the pixels that the windows cover [begin, end) lie
/// inside, the others are zero; the first `count` outputs are stored.
template <typename Simd, bool kTail, int kPixels, int kColumns, int kStride>
inline void depthwise_border(const DepthwiseRow& row, std::int64_t begin, std::int64_t end,
                             std::int64_t count, const float* input, const float* packed, float* output,
                             typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr int kAcross = kDepthwiseAcross<kPixels, kColumns, kStride>;
  const std::int64_t pitch = row.input_pitch;
  Vector sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) sum[p] = Simd::load(packed);
  packed += Simd::kLanes * (1 + row.first_tap_row * kColumns);
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky, input += row.tap_row_pitch) {
    Vector x[kAcross];
#pragma GCC unroll 21
    for (int i = 0; i < kAcross; ++i) {
      x[i] = Simd::all(0);
      if (i >= begin && i < end) x[i] = load_lanes<Simd, kTail>(input + i * pitch, mask);
    }
    add_depthwise_row<Simd, kPixels, kColumns, kStride>(x, packed, sum);
    packed += kColumns * Simd::kLanes;
  }
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    if (p < count)
      store_lanes<Simd, kTail>(output + p * row.output_pitch, Simd::clamp(sum[p], low, high), mask);
  }
}

/// One output, of whose window the columns [first_column, last_column) lie inside; kVectors vectors of
/// channels, so that sums do not wait for each other.
template <typename Simd, bool kTail, int kVectors>
inline void depthwise_pixel(const DepthwiseRow& row, int first_column, int last_column, const float* input,
                            const float* packed, float* output, typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  Vector sum[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sum[v] = Simd::load(packed + v * row.packed_pitch);
  packed += Simd::kLanes * (1 + row.first_tap_row * row.columns);
  const std::int64_t tap_pitch = row.dilation * row.input_pitch;
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky) {
    for (int kx = first_column; kx < last_column; ++kx) {
      const float* weights = packed + kx * Simd::kLanes;
      const float* x = input + kx * tap_pitch;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[v] = Simd::fma(Simd::load(weights + v * row.packed_pitch),
                           load_lanes<Simd, kTail>(x + v * Simd::kLanes, mask), sum[v]);
      }
    }
    packed += row.columns * Simd::kLanes;
    input += row.tap_row_pitch;
  }
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v)
    store_lanes<Simd, kTail>(output + v * Simd::kLanes, Simd::clamp(sum[v], low, high), mask);
}

/// Calls body<tail, vectors>(first channel, packed weights, mask) for all channels, kMost vectors at a time,
/// two or one.
template <typename Simd, int kMost, typename Body>
inline void for_each_vector(const DepthwiseRow& row, Body&& body) noexcept {
  const float* packed = row.packed;
  const auto all = Simd::mask(Simd::kLanes);
  std::int64_t c = 0;
  for (; c + kMost * Simd::kLanes <= row.channels;
       c += kMost * Simd::kLanes, packed += kMost * row.packed_pitch)
    body.template operator()<false, kMost>(c, packed, all);
  if constexpr (kMost > 2) {
    for (; c + 2 * Simd::kLanes <= row.channels; c += 2 * Simd::kLanes, packed += 2 * row.packed_pitch)
      body.template operator()<false, 2>(c, packed, all);
  }
  for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes, packed += row.packed_pitch)
    body.template operator()<false, 1>(c, packed, all);
  if (c < row.channels)
    body.template operator()<true, 1>(c, packed, Simd::mask(static_cast<std::size_t>(row.channels - c)));
}

/// Some neighbouring outputs of a row, all channels. Where registers do not hold the pixels
/// (kDepthwiseShares) it takes outputs alone whose windows lie inside.
template <typename Simd, int kPixels, int kColumns, int kStride>
inline void depthwise_group(const DepthwiseRow& row, std::int64_t ox) noexcept {
  const std::int64_t left = ox * row.stride - row.pad_left;
  const float* input = row.input + left * row.input_pitch;
  float* output = row.output + ox * row.output_pitch;
  if (ox >= row.inner_first && ox + kPixels <= row.inner_last) {
    for_each_vector<Simd, 1>(
        row, [&]<bool kTail, int>(std::int64_t c, const float* packed, typename Simd::Mask mask) {
          depthwise_pixels<Simd, kTail, kPixels, kColumns, kStride>(row, input + c, packed, output + c, mask);
        });
    return;
  }
  if constexpr (kDepthwiseShares<Simd, kPixels, kColumns, kStride>) {
    const std::int64_t begin = left < 0 ? -left : 0;
    for_each_vector<Simd, 1>(
        row, [&]<bool kTail, int>(std::int64_t c, const float* packed, typename Simd::Mask mask) {
          depthwise_border<Simd, kTail, kPixels, kColumns, kStride>(
              row, begin, row.in_w - left, row.last - ox, input + c, packed, output + c, mask);
        });
  }
}

/// The same as a function of its own.
template <typename Simd, int kPixels, int kColumns, int kStride>
[[gnu::noinline]] void depthwise_group_apart(const DepthwiseRow& row, std::int64_t ox) noexcept {
  depthwise_group<Simd, kPixels, kColumns, kStride>(row, ox);
}

/// A single output, all channels.
template <typename Simd>
inline void depthwise_single(const DepthwiseRow& row, std::int64_t ox) noexcept {
  const std::int64_t left = ox * row.stride - row.pad_left;
  // The first column at or right of the image's left border, and the first one right of its last pixel.
  const std::int64_t skipped = left >= 0 ? 0 : taps_across(-left, row.dilation);
  const std::int64_t reached = left >= row.in_w ? 0 : taps_across(row.in_w - left, row.dilation);
  const int last = static_cast<int>(reached < row.columns ? reached : row.columns);
  const int first = static_cast<int>(skipped < last ? skipped : last);
  const float* input = row.input + left * row.input_pitch;
  float* output = row.output + ox * row.output_pitch;
  for_each_vector<Simd, 4>(
      row, [&]<bool kTail, int kVectors>(std::int64_t c, const float* packed, typename Simd::Mask mask) {
        depthwise_pixel<Simd, kTail, kVectors>(row, first, last, input + c, packed, output + c, mask);
      });
}

/// All channels of some pixels come before the next pixels, so that memory is read from front to back.
template <typename Simd, int kColumns, int kStride>
inline void depthwise_row(const DepthwiseRow& row) noexcept {
  // Where registers are few the pointers of a group's loops would go to the stack for the sake of the loops
  // around it.
  const auto group = [&row]<int kPixels>(std::int64_t at) {
    if constexpr (Simd::kRegisters < 32)
      depthwise_group_apart<Simd, kPixels, kColumns, kStride>(row, at);
    else
      depthwise_group<Simd, kPixels, kColumns, kStride>(row, at);
  };
  std::int64_t ox = row.first;
  if constexpr (kDepthwiseShares<Simd, 4, kColumns, kStride>) {
    // Rather some outputs twice than groups of another size. Where a row is shorter than a group, the group
    // stores fewer.
    const auto place = [&](std::int64_t pixels) {
      const bool overlaps = ox + pixels > row.last && row.last - pixels >= row.first;
      return overlaps ? row.last - pixels : ox;
    };
    while (ox < row.last) {
      const bool shares = kDepthwiseShares<Simd, 8, kColumns, kStride>;
      const bool inside = ox >= row.inner_first && ox + 8 <= row.inner_last;
      if (inside || (shares && ox + 4 < row.last)) {
        group.template operator()<8>(place(8));
        ox += 8;
      } else {
        group.template operator()<4>(place(4));
        ox += 4;
      }
    }
  } else {
    for (; ox < row.inner_first && ox < row.last; ++ox) depthwise_single<Simd>(row, ox);
    for (; ox + 8 <= row.inner_last; ox += 8) group.template operator()<8>(ox);
    for (; ox + 4 <= row.inner_last; ox += 4) group.template operator()<4>(ox);
    for (; ox < row.last; ++ox) depthwise_single<Simd>(row, ox);
  }
}

template <typename Simd, int kColumns, int kStride>
void depthwise_band(const DepthwiseBand& band) noexcept {
  DepthwiseRow row = band.row;
  if (row.inner_last > row.last) row.inner_last = row.last;
  row.input = band.image;
  std::int64_t top = band.top;
  for (std::int64_t r = 0; r < band.rows; ++r, top += band.stride, row.output += band.output_row_pitch) {
    const std::int64_t above = top >= 0 ? 0 : taps_across(-top, band.dilation);
    const std::int64_t reached = top >= band.in_h ? 0 : taps_across(band.in_h - top, band.dilation);
    const std::int64_t last = reached < band.window_rows ? reached : band.window_rows;
    const std::int64_t first = above < last ? above : last;
    row.first_tap_row = static_cast<int>(first), row.last_tap_row = static_cast<int>(last);
    // Where no row of the window lies inside, none is read.
    if (first < last) row.input = band.image + (top + first * band.dilation) * band.row_pitch;
    depthwise_row<Simd, kColumns, kStride>(row);
  }
}

}  // namespace fettle::kernels
