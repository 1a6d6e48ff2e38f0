// SPDX-License-Identifier: Apache-2.0
//
// Squares of pixels and channels, turned in registers. `Square` is a Simd with, beside its other functions,
//
//   static void turn(Vector (&rows)[kLanes]) noexcept;   // rows become columns
//
// Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/convert.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// to[c][r] = from[r][c] for kLanes rows and columns, or for as many as there are: rows of `from` beyond
/// `rows` are zeros, and `stored` lanes of `columns` rows are written.
template <typename Square, bool kWhole>
inline void turn_square(const float* from, std::int64_t from_pitch, float* to, std::int64_t to_pitch,
                        std::int64_t rows, std::int64_t columns, std::int64_t stored) noexcept {
  constexpr int kLanes = Square::kLanes;
  typename Square::Vector square[kLanes];
  const auto read = Square::mask(static_cast<std::size_t>(columns));
  const auto written = Square::mask(static_cast<std::size_t>(stored));
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r) {
    if constexpr (kWhole)
      square[r] = Square::load(from + r * from_pitch);
    else
      square[r] = r < rows ? Square::load(from + r * from_pitch, read) : Square::all(0);
  }
  Square::turn(square);
#pragma GCC unroll 16
  for (int c = 0; c < kLanes; ++c) {
    if constexpr (kWhole)
      Square::store(to + c * to_pitch, square[c]);
    else if (c < columns)
      Square::store(to + c * to_pitch, square[c], written);
  }
}

template <typename Square>
inline void turn_any(const float* from, std::int64_t from_pitch, float* to, std::int64_t to_pitch,
                     std::int64_t rows, std::int64_t columns, std::int64_t stored) noexcept {
  constexpr std::int64_t kLanes = Square::kLanes;
  rows = rows < kLanes ? rows : kLanes;
  columns = columns < kLanes ? columns : kLanes;
  stored = stored < kLanes ? stored : kLanes;
  if (rows == kLanes && columns == kLanes)
    turn_square<Square, true>(from, from_pitch, to, to_pitch, rows, columns, stored);
  else
    turn_square<Square, false>(from, from_pitch, to, to_pitch, rows, columns, stored);
}

/// Pixels whose numbers fill a cache line: all channels of these come before the next ones, so that lines on
/// either side are used up while they are near.
inline constexpr std::int64_t kLinePixels = 16;

/// Calls body(first pixel, pixels, first channel) for squares of the piece.
template <typename Square, typename Body>
inline void for_each_square(const ConvertPiece& piece, std::int64_t channels, Body&& body) noexcept {
  for (std::int64_t line = 0; line < piece.pixels; line += kLinePixels) {
    const std::int64_t end = line + kLinePixels < piece.pixels ? line + kLinePixels : piece.pixels;
    for (std::int64_t c = 0; c < channels; c += Square::kLanes) {
      for (std::int64_t p = line; p < end; p += Square::kLanes) body(p, end - p, c);
    }
  }
}

template <typename Square>
void from_planes(const ConvertPiece& piece) noexcept {
  for_each_square<Square>(piece, piece.written, [&](std::int64_t p, std::int64_t pixels, std::int64_t c) {
    turn_any<Square>(piece.from + c * piece.from_channel + p, piece.from_channel,
                     piece.to + p * piece.to_pixel + c, piece.to_pixel, piece.channels - c, pixels,
                     piece.written - c);
  });
}

template <typename Square>
void to_planes(const ConvertPiece& piece) noexcept {
  for_each_square<Square>(piece, piece.channels, [&](std::int64_t p, std::int64_t pixels, std::int64_t c) {
    turn_any<Square>(piece.from + p * piece.from_pixel + c, piece.from_pixel,
                     piece.to + c * piece.to_channel + p, piece.to_channel, pixels, piece.channels - c,
                     pixels);
  });
}

template <typename Simd>
void regroup(const ConvertPiece& piece) noexcept {
  const float* from = piece.from;
  float* to = piece.to;
  if (piece.channels == Simd::kLanes) {
    for (std::int64_t p = 0; p < piece.pixels; ++p, from += piece.from_pixel, to += piece.to_pixel)
      Simd::store(to, Simd::load(from));
    return;
  }
  const auto read = Simd::mask(static_cast<std::size_t>(piece.channels));
  const auto written = Simd::mask(static_cast<std::size_t>(piece.written));
  for (std::int64_t p = 0; p < piece.pixels; ++p, from += piece.from_pixel, to += piece.to_pixel)
    Simd::store(to, Simd::load(from, read), written);
}

}  // namespace fettle::kernels
