// SPDX-License-Identifier: Apache-2.0
//
// The loops of quantised depthwise convolutions for registers of one or several lanes of 16 bytes, in which
// bytes are unpacked. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/q8/depthwise.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {

/// Columns, so many in a register at once.
template <typename Simd, int kTogether>
void interleave_q8(const InterleaveQ8& columns) noexcept {
  constexpr std::int64_t kBytes = Simd::kBytes / kTogether;
  // A copy, which the compiler knows that writing to the planes does not change.
  const InterleaveQ8 c = columns;
  const typename Simd::Bytes outside = Simd::all_bytes(c.zero);
  const typename Simd::Bytes flip = Simd::all_bytes(c.flip);
  const typename Simd::Part part(c.channels);
  const bool whole = c.channels == kBytes && (kTogether == 1 || c.pixel_pitch == kBytes);
  std::byte* to = c.to;
  const auto write = [&](std::int64_t pixel, auto&& load) {
    typename Simd::Bytes taps[Simd::kTaps];
#pragma GCC unroll 4
    for (int t = 0; t < Simd::kTaps; ++t)
      taps[t] = Simd::flipped(c.rows[t] == nullptr ? outside : load(c.rows[t] + pixel * c.pixel_pitch), flip);
    Simd::store_interleaved(to, c.plane_step, taps);
    to += Simd::kBytes;
  };
  const std::int64_t full = c.pixels / kTogether * kTogether;
  if (whole) {
    for (std::int64_t pixel = 0; pixel < full; pixel += kTogether)
      write(pixel, [](const std::uint8_t* p) { return Simd::load_bytes(p); });
  } else {
    for (std::int64_t pixel = 0; pixel < full; pixel += kTogether) {
      write(pixel, [&](const std::uint8_t* p) {
        return Simd::template load_pixels<kTogether>(p, c.pixel_pitch, part, kTogether);
      });
    }
  }
  if (full == c.pixels) return;
  write(full, [&](const std::uint8_t* p) {
    return Simd::template load_pixels<kTogether>(p, c.pixel_pitch, part, static_cast<int>(c.pixels - full));
  });
}

/// Ones for the taps that count, where a window's sum is asked for.
template <typename Simd, bool kAddsWindow>
inline auto ones_of(int taps) noexcept {
  if constexpr (kAddsWindow)
    return Simd::ones(taps);
  else
    return taps;
}

/// kRegisters times as many pixels as a register holds. `kAddsWindow`: the sum of each window's bytes, times
/// a factor, is added.
template <typename Simd, int kTogether, int kRegisters, bool kAddsWindow>
inline void depthwise_q8_pixels(const DepthwiseQ8Row& row, const std::byte* columns, std::uint8_t* output,
                                int pixels) noexcept {
  typename Simd::Sums sums[kRegisters][Simd::kPlanes];
#pragma GCC unroll 4
  for (int v = 0; v < Simd::kPlanes; ++v) {
    const typename Simd::Sums begin = Simd::load_sums(row.begin + v * Simd::kLanes);
#pragma GCC unroll 4
    for (int p = 0; p < kRegisters; ++p) sums[p][v] = begin;
  }
  [[maybe_unused]] typename Simd::Sums windows[kRegisters][Simd::kPlanes] = {};
  const std::byte* weights = row.weights;
  constexpr std::int64_t kPixelBytes = Simd::kBytes / kTogether;
  for (std::int64_t group = 0; group < row.groups; ++group, columns += row.group_step) {
    const std::byte* x = columns;
    std::int64_t phase = 0;
    const bool last = group + 1 == row.groups;
    [[maybe_unused]] const auto ones = ones_of<Simd, kAddsWindow>(last ? row.last_taps : Simd::kTaps);
    for (std::int64_t kx = 0; kx < row.kernel_w; ++kx) {
      const std::byte* plane = x;
#pragma GCC unroll 4
      for (int v = 0; v < Simd::kPlanes; ++v, plane += row.plane_step) {
        const auto w = Simd::load_quads(weights + v * Simd::kBytes);
#pragma GCC unroll 4
        for (int p = 0; p < kRegisters; ++p) {
          const auto quads = Simd::load_quads(plane + p * Simd::kBytes);
          sums[p][v] = Simd::multiply_add(quads, w, sums[p][v]);
          if constexpr (kAddsWindow) windows[p][v] = Simd::multiply_add(quads, ones, windows[p][v]);
        }
      }
      weights += Simd::kPlanes * Simd::kBytes;
      // To the window's next column.
      x += row.column_step;
      phase += row.phases;
      if (phase >= row.stride) {
        phase -= row.stride;
        x += row.turn_step;
      }
    }
  }
  if constexpr (kAddsWindow) {
#pragma GCC unroll 4
    for (int p = 0; p < kRegisters; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < Simd::kPlanes; ++v)
        sums[p][v] = Simd::add_times(sums[p][v], windows[p][v], row.factor);
    }
  }
  const typename Simd::Rounding rounding(row);
  const typename Simd::Part part(row.channels);
  const bool whole = pixels == kRegisters * kTogether && row.channels == kPixelBytes &&
                     (kTogether == 1 || row.output_pitch == kPixelBytes);
  const std::int64_t pitch = row.output_pitch;
#pragma GCC unroll 4
  for (int p = 0; p < kRegisters; ++p, output += kTogether * pitch) {
    const typename Simd::Bytes bytes = rounding.bytes(sums[p], row.scale);
    if (whole)
      Simd::store_bytes(output, bytes);
    else
      Simd::template store_pixels<kTogether>(bytes, output, pitch, part, pixels - p * kTogether);
  }
}

template <typename Simd, int kTogether, int kRegisters, bool kAddsWindow = false>
void depthwise_q8_row(const DepthwiseQ8Row& row) noexcept {
  if constexpr (Simd::kWeightBytes == 1 && !kAddsWindow) {
    if (row.factor != 0) {
      depthwise_q8_row<Simd, kTogether, kRegisters / 2, true>(row);
      return;
    }
  }
  const std::byte* columns = row.columns;
  std::uint8_t* output = row.output;
  std::int64_t left = row.pixels;
  constexpr int kPixels = kRegisters * kTogether;
  for (; left >= kPixels; left -= kPixels) {
    depthwise_q8_pixels<Simd, kTogether, kRegisters, kAddsWindow>(row, columns, output, kPixels);
    columns += kRegisters * Simd::kBytes;
    output += kPixels * row.output_pitch;
  }
  for (; left > 0; left -= kTogether) {
    depthwise_q8_pixels<Simd, kTogether, 1, kAddsWindow>(
        row, columns, output, static_cast<int>(std::min<std::int64_t>(left, kTogether)));
    columns += Simd::kBytes;
    output += kTogether * row.output_pitch;
  }
}

}  // namespace fettle::kernels
