// SPDX-License-Identifier: Apache-2.0
//
// A pool of an output row in nhwc, some vectors of channels at a time, or where there are fewer some pixels,
// so that results do not wait for each other. Included by the files of instruction sets alone, as tile_loop.h
// is.
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

/// Where results that are computed together lie: the first one's window and output, and the floats from one
/// to the next.
struct PoolPlaces {
  const float* input;
  std::int64_t input_step;
  float* output;
  std::int64_t output_step;
};

/// Whether something was not a number. Only where an instruction set's maximum loses NaN: there looking for
/// it costs less than a maximum that keeps it.
template <typename Simd, bool kLooks>
class NanFinder {
 public:
  void look_at(typename Simd::Vector, typename Simd::Vector) noexcept {}
  bool found() const noexcept { return false; }
};
template <typename Simd>
class NanFinder<Simd, true> {
 public:
  void look_at(typename Simd::Vector a, typename Simd::Vector b) noexcept {
    nans_ = Simd::with_nans(nans_, a, b);
  }
  bool found() const noexcept { return Simd::any(nans_); }

 private:
  typename Simd::Nans nans_ = Simd::no_nans();
};

/// What becomes of a window: its sum, its largest element as if there were no NaN, or that with care for NaN.
enum class Pooling { sum, largest, largest_or_nan };

/// kVectors vectors of results, whose windows have the same columns. Returns whether they are right, which
/// `largest` may find out to be not so.
template <typename Simd, Pooling kPooling, bool kTail, int kVectors>
inline bool pool_vectors(const PoolRow& row, const PoolColumns& columns, const PoolPlaces& at,
                         typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr bool kMaximum = kPooling != Pooling::sum;
  const Vector start = Simd::all(kMaximum ? -__builtin_inff() : 0.0f);
  Vector result[kVectors];
  NanFinder<Simd, kPooling == Pooling::largest && !Simd::kLargerKeepsNan> nans[(kVectors + 1) / 2];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) result[v] = start;
  const std::int64_t step = row.dilation * row.input_pitch;
  const float* line = at.input + columns.first * step;
  for (std::int64_t ky = 0; ky < row.tap_rows; ++ky, line += row.tap_row_pitch) {
    const float* x = line;
    for (std::int64_t kx = columns.first; kx < columns.last; ++kx, x += step) {
      Vector next[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        next[v] = load_lanes<Simd, kTail>(x + v * at.input_step, mask);
        if constexpr (kPooling == Pooling::sum) result[v] = Simd::add(result[v], next[v]);
        if constexpr (kPooling == Pooling::largest) result[v] = Simd::larger(next[v], result[v]);
        if constexpr (kPooling == Pooling::largest_or_nan) result[v] = Simd::max(next[v], result[v]);
      }
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; v += 2) nans[v / 2].look_at(next[v], next[v + 1 < kVectors ? v + 1 : v]);
    }
  }
#pragma GCC unroll 2
  for (const auto& finder : nans) {
    if (finder.found()) return false;
  }
  const Vector factor = Simd::all(columns.factor);
  const Vector low = Simd::all(row.low);
  const Vector high = Simd::all(row.high);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vector scaled = kMaximum ? result[v] : Simd::mul(result[v], factor);
    store_lanes<Simd, kTail>(at.output + v * at.output_step, Simd::clamp(scaled, low, high), mask);
  }
  return true;
}

template <typename Simd, bool kTail, int kVectors>
[[gnu::noinline, gnu::cold]] void largest_or_nan(const PoolRow& row, const PoolColumns& columns,
                                                 const PoolPlaces& at, typename Simd::Mask mask) noexcept {
  pool_vectors<Simd, Pooling::largest_or_nan, kTail, kVectors>(row, columns, at, mask);
}

template <typename Simd, bool kMaximum, bool kTail, int kVectors>
inline void pool_group(const PoolRow& row, const PoolColumns& columns, const PoolPlaces& at,
                       typename Simd::Mask mask) noexcept {
  constexpr Pooling kPooling = kMaximum ? Pooling::largest : Pooling::sum;
  if (pool_vectors<Simd, kPooling, kTail, kVectors>(row, columns, at, mask)) return;
  if constexpr (kMaximum) largest_or_nan<Simd, kTail, kVectors>(row, columns, at, mask);
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

/// kPixels neighbouring outputs from `ox`, whose windows have the same columns.
template <typename Simd, bool kMaximum, int kPixels>
inline void pool_pixels(const PoolRow& row, std::int64_t ox) noexcept {
  constexpr int kTogether = 4;
  const std::int64_t left = ox * row.stride - row.pad_left;
  const PoolColumns columns = pool_columns<Simd>(row, left);
  const std::int64_t step = row.stride * row.input_pitch;
  const float* input = row.input + left * row.input_pitch;
  float* output = row.output + ox * row.output_pitch;
  const auto all = Simd::mask(Simd::kLanes);
  std::int64_t c = 0;
  for (; c + kTogether * Simd::kLanes <= row.channels; c += kTogether * Simd::kLanes) {
    for (int p = 0; p < kPixels; ++p) {
      const PoolPlaces at{input + p * step + c, Simd::kLanes, output + p * row.output_pitch + c,
                          Simd::kLanes};
      pool_group<Simd, kMaximum, false, kTogether>(row, columns, at, all);
    }
  }
  for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes) {
    const PoolPlaces at{input + c, step, output + c, row.output_pitch};
    pool_group<Simd, kMaximum, false, kPixels>(row, columns, at, all);
  }
  if (c < row.channels) {
    const PoolPlaces at{input + c, step, output + c, row.output_pitch};
    pool_group<Simd, kMaximum, true, kPixels>(row, columns, at,
                                              Simd::mask(static_cast<std::size_t>(row.channels - c)));
  }
}

template <typename Simd, bool kMaximum>
void pool_row(const PoolRow& row) noexcept {
  constexpr int kTogether = 4;
  // Outputs whose windows lie inside the image from left to right.
  const std::int64_t first = (row.pad_left + row.stride - 1) / row.stride;
  const std::int64_t room = row.in_w - 1 - (row.columns - 1) * row.dilation + row.pad_left;
  const std::int64_t last = room < 0 ? 0 : room / row.stride + 1;
  for (std::int64_t ox = 0; ox < row.outputs;) {
    if (ox >= first && ox + kTogether <= last && ox + kTogether <= row.outputs) {
      pool_pixels<Simd, kMaximum, kTogether>(row, ox);
      ox += kTogether;
    } else {
      pool_pixels<Simd, kMaximum, 1>(row, ox);
      ++ox;
    }
  }
}

}  // namespace fettle::kernels
