// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution of some output rows in nhwc, a vector of channels at a time. Neighbouring outputs are
// computed together, so that each weight is loaded once for all of them, and each pixel once for all outputs
// whose windows hold it. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/depthwise.h"
#include "kernels/common/lanes.h"

#include <cstdint>

namespace fettle::kernels {

/// The most outputs together, with which two FMA units of latency 4 are busy, and how many where rows are
/// short or windows reach far out of the image.
constexpr int kDepthwiseMost = 8;
constexpr int kDepthwiseFew = 4;

/// Pixels that the windows of neighbouring outputs cover.
template <int kPixels, int kColumns, int kStride>
constexpr int kDepthwiseAcross = (kPixels - 1) * kStride + kColumns;

/// How many of them registers hold at a time beside the sums: all, or what a row of weights leaves over.
template <typename Simd, int kPixels, int kColumns, int kStride>
constexpr int depthwise_held() noexcept {
  constexpr int kAcross = kDepthwiseAcross<kPixels, kColumns, kStride>;
  constexpr int kFree = Simd::kRegisters - kPixels;
  if (kAcross < kFree) return kAcross;
  return kFree - kColumns > 3 ? kFree - kColumns - 2 : 1;
}

/// How far windows may reach out of the image on either side: where the outputs' centres lie inside, and
/// anywhere.
template <int kColumns>
constexpr int kDepthwiseNear = kColumns / 2;
constexpr int kDepthwiseFar = 1 << 10;

/// Which of the pixels that the windows of some neighbouring outputs cover lie inside the image, [begin,
/// end), and how many of these outputs to store.
struct DepthwiseReach {
  std::int64_t begin, end, count;
};

/// kPixels neighbouring outputs of a vector of channels. Windows reach out of the image by up to kOutside
/// pixels on either side: these are loaded only if the image has them, and are zero otherwise. With
/// kDepthwiseFar outputs may be left out, too.
template <typename Simd, bool kTail, int kPixels, int kColumns, int kStride, int kOutside>
[[gnu::always_inline]] inline void depthwise_pixels(const DepthwiseRow& row, const DepthwiseReach& reach,
                                                    const float* input, const float* packed, float* output,
                                                    typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr int kAcross = kDepthwiseAcross<kPixels, kColumns, kStride>;
  constexpr int kHeld = depthwise_held<Simd, kPixels, kColumns, kStride>();
  constexpr int kReach = Simd::kReach;
  const std::int64_t pitch = row.input_pitch;
  Vector sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) sum[p] = Simd::load(packed);
  packed += Simd::kLanes * (1 + row.first_tap_row * kColumns);
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky, packed += kColumns * Simd::kLanes) {
    const float* reached = input;
    input += row.tap_row_pitch;
#pragma GCC unroll 21
    for (int from = 0; from < kAcross; from += kHeld) {
      Vector x[kHeld];
#pragma GCC unroll 21
      for (int j = 0; j < kHeld; ++j) {
        const int i = from + j;
        const bool there = (i >= kOutside || i >= reach.begin) && (i < kAcross - kOutside || i < reach.end);
        x[j] = Simd::all(0);
        if (i < kAcross && there) x[j] = load_lanes<Simd, kTail>(reached + i % kReach * pitch, mask);
        if (i % kReach == kReach - 1) reached += kReach * pitch;
      }
      // An output's products are added in the order of its window, whatever registers hold.
#pragma GCC unroll 7
      for (int kx = 0; kx < kColumns; ++kx) {
        const Vector weight = Simd::load(packed + kx * Simd::kLanes);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          const int i = p * kStride + kx - from;
          if (i >= 0 && i < kHeld) sum[p] = Simd::fma(weight, x[i], sum[p]);
        }
      }
    }
  }
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    if (kOutside != kDepthwiseFar || p < reach.count)
      store_lanes<Simd, kTail>(output + p * row.output_pitch, Simd::clamp(sum[p], low, high), mask);
  }
}

/// The same for any window, step and dilation, where windows lie inside the image from left to right.
template <typename Simd, bool kTail, int kPixels>
inline void depthwise_taps(const DepthwiseRow& row, const float* input, const float* packed, float* output,
                           typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  const std::int64_t step = row.stride * row.input_pitch;
  const std::int64_t tap_pitch = row.dilation * row.input_pitch;
  Vector sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) sum[p] = Simd::load(packed);
  packed += Simd::kLanes * (1 + row.first_tap_row * row.columns);
  for (int ky = row.first_tap_row; ky < row.last_tap_row; ++ky, input += row.tap_row_pitch) {
    const float* x = input;
    for (int kx = 0; kx < row.columns; ++kx, x += tap_pitch, packed += Simd::kLanes) {
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
  if constexpr (kMost > 1) {
    for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes, packed += row.packed_pitch)
      body.template operator()<false, 1>(c, packed, all);
  }
  if (c < row.channels)
    body.template operator()<true, 1>(c, packed, Simd::mask(static_cast<std::size_t>(row.channels - c)));
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

/// kPixels neighbouring outputs whose windows lie inside, all channels.
template <typename Simd, int kPixels>
inline void depthwise_inside(const DepthwiseRow& row, std::int64_t ox) noexcept {
  const float* input = row.input + (ox * row.stride - row.pad_left) * row.input_pitch;
  float* output = row.output + ox * row.output_pitch;
  for_each_vector<Simd, 1>(
      row, [&]<bool kTail, int>(std::int64_t c, const float* packed, typename Simd::Mask mask) {
        depthwise_taps<Simd, kTail, kPixels>(row, input + c, packed, output + c, mask);
      });
}

/// Calls body(row) for each row of a band, with what lies inside of the windows of this row.
template <typename Body>
inline void for_each_row(const DepthwiseBand& band, Body&& body) noexcept {
  DepthwiseRow row = band.row;
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
    body(row);
  }
}

/// A band by depthwise_pixels: all channels of some outputs before the next, so that memory is read from
/// front to back, and rather some outputs twice than fewer together. A function of its own: with others'
/// loops beside it the compiler keeps on the stack what registers have room for.
template <typename Simd, int kPixels, int kColumns, int kStride, int kOutside>
[[gnu::noinline]] void depthwise_groups(const DepthwiseBand& band) noexcept {
  for_each_row(band, [](const DepthwiseRow& row) {
    for (std::int64_t next = row.first; next < row.last; next += kPixels) {
      const bool overlaps = next + kPixels > row.last && row.last - kPixels >= row.first;
      const std::int64_t ox = overlaps ? row.last - kPixels : next;
      const std::int64_t left = ox * kStride - row.pad_left;
      const float* input = row.input + left * row.input_pitch;
      float* output = row.output + ox * row.output_pitch;
      const DepthwiseReach reach{left < 0 ? -left : 0, row.in_w - left, row.last - ox};
      for_each_vector<Simd, 1>(
          row, [&]<bool kTail, int>(std::int64_t c, const float* packed, typename Simd::Mask mask) {
            depthwise_pixels<Simd, kTail, kPixels, kColumns, kStride, kOutside>(row, reach, input + c, packed,
                                                                                output + c, mask);
          });
    }
  });
}

/// So many outputs together, of kPixels and fewer, that the fewest are computed twice. Pictures are 7, 14, 28
/// or 5, 10, 20 pixels wide as well as 8, 16, 32.
template <int kPixels>
inline int depthwise_together(std::int64_t outputs) noexcept {
  if constexpr (kPixels == kDepthwiseFew + 1) {
    return kPixels;
  } else {
    const auto twice = [outputs](int together) { return (together - outputs % together) % together; };
    const int fewer = depthwise_together<kPixels - 1>(outputs);
    return twice(fewer) < twice(kPixels) ? fewer : kPixels;
  }
}

template <typename Simd, int kPixels, int kColumns, int kStride>
inline void depthwise_near(const DepthwiseBand& band, int together) noexcept {
  if (together == kPixels)
    depthwise_groups<Simd, kPixels, kColumns, kStride, kDepthwiseNear<kColumns>>(band);
  else if constexpr (kPixels > kDepthwiseFew + 1)
    depthwise_near<Simd, kPixels - 1, kColumns, kStride>(band, together);
}

/// Any window, step and dilation.
template <typename Simd>
void depthwise_any(const DepthwiseBand& band) noexcept {
  for_each_row(band, [](const DepthwiseRow& row) {
    const std::int64_t inner_last = row.inner_last < row.last ? row.inner_last : row.last;
    std::int64_t ox = row.first;
    for (; ox < row.inner_first && ox < row.last; ++ox) depthwise_single<Simd>(row, ox);
    for (; ox + 8 <= inner_last; ox += 8) depthwise_inside<Simd, 8>(row, ox);
    for (; ox + 4 <= inner_last; ox += 4) depthwise_inside<Simd, 4>(row, ox);
    for (; ox < row.last; ++ox) depthwise_single<Simd>(row, ox);
  });
}

/// Windows of kColumns columns, without dilation.
template <typename Simd, int kColumns, int kStride>
void depthwise_band(const DepthwiseBand& band) noexcept {
  constexpr int kNear = kDepthwiseNear<kColumns>;
  const DepthwiseRow& row = band.row;
  const std::int64_t outputs = row.last - row.first;
  const std::int64_t right = (row.last - 1) * kStride - row.pad_left + kColumns;  // behind the last window
  const bool near = row.pad_left <= kNear && right <= row.in_w + kNear;
  if constexpr (kColumns < 7) {
    const int together = depthwise_together<kDepthwiseMost>(outputs);
    if (near && outputs >= together)
      return depthwise_near<Simd, kDepthwiseMost, kColumns, kStride>(band, together);
    depthwise_groups<Simd, kDepthwiseFew, kColumns, kStride, kDepthwiseFar>(band);
  } else {
    // These are rare, and their loops long: one size has to do, of which the widths of pictures are
    // multiples.
    constexpr int kTogether = 7;
    if (near && outputs >= kTogether)
      return depthwise_groups<Simd, kTogether, kColumns, kStride, kNear>(band);
    depthwise_any<Simd>(band);
  }
}

}  // namespace fettle::kernels
