// SPDX-License-Identifier: Apache-2.0
//
// Lines of conversions of bytes, and squares of them turned in registers: plain code, which compilers
// vectorise for the instruction set of the file. Included by the files of instruction sets alone, as
// tile_loop.h is; `Tag` is a type of that file, for the sake of internal linkage.
#pragma once

#include "kernels/common/q8/conversion.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {

template <typename Tag>
void quantise_line(const float* __restrict from, std::uint8_t* __restrict to, std::int64_t count, float scale,
                   const Target& target) noexcept {
  const Target copy = target;
  for (std::int64_t i = 0; i < count; ++i) {
    // The quotient is exact, as the reference's is, so that both round alike.
    const float units = from[i] / scale;
    to[i] = copy.store(units == units ? units : 0.0f);
  }
}

template <typename Tag>
void dequantise_line(const std::uint8_t* __restrict from, float* __restrict to, std::int64_t count,
                     float scale, const Source& source) noexcept {
  const Source copy = source;
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(copy.steps(from[i])) * scale;
}

template <typename Tag>
void requantise_line(const std::uint8_t* __restrict from, std::uint8_t* __restrict to, std::int64_t count,
                     float ratio, const Source& source, const Target& target) noexcept {
  const Source in = source;
  const Target out = target;
  for (std::int64_t i = 0; i < count; ++i) to[i] = out.store(static_cast<float>(in.steps(from[i])) * ratio);
}

/// Few rows become neighbours: pictures.
template <typename Tag, int kRows>
void interleave_rows(const std::uint8_t* __restrict from, std::int64_t from_pitch,
                     std::uint8_t* __restrict to, std::int64_t columns) noexcept {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (int r = 0; r < kRows; ++r) to[c * kRows + r] = from[r * from_pitch + c];
  }
}

using Sixteen [[gnu::vector_size(16)]] = std::uint8_t;

/// Sixteen rows of sixteen bytes become columns: each step interleaves rows that are eight apart.
template <typename Tag>
inline void turn_square(Sixteen (&rows)[16]) noexcept {
#pragma GCC unroll 4
  for (int step = 0; step < 4; ++step) {
    Sixteen next[16];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      next[2 * r] = __builtin_shufflevector(rows[r], rows[r + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                            22, 7, 23);
      next[2 * r + 1] = __builtin_shufflevector(rows[r], rows[r + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                                13, 29, 14, 30, 15, 31);
    }
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) rows[r] = next[r];
  }
}

template <typename Tag>
void turn_bytes(const std::uint8_t* from, std::int64_t from_pitch, std::uint8_t* to, std::int64_t to_pitch,
                std::int64_t rows, std::int64_t columns) noexcept {
  if (to_pitch == rows && rows <= 4) {
    switch (rows) {
      case 1:
        std::memcpy(to, from, static_cast<std::size_t>(columns));
        return;
      case 2:
        return interleave_rows<Tag, 2>(from, from_pitch, to, columns);
      case 3:
        return interleave_rows<Tag, 3>(from, from_pitch, to, columns);
      default:
        return interleave_rows<Tag, 4>(from, from_pitch, to, columns);
    }
  }
  constexpr std::int64_t kSide = 16;
  for (std::int64_t r = 0; r < rows; r += kSide) {
    const std::int64_t high = std::min(kSide, rows - r);
    for (std::int64_t c = 0; c < columns; c += kSide) {
      const std::int64_t wide = std::min(kSide, columns - c);
      Sixteen square[kSide] = {};
      if (wide == kSide) {
        for (std::int64_t k = 0; k < high; ++k)
          std::memcpy(&square[k], from + (r + k) * from_pitch + c, sizeof(Sixteen));
      } else {
        for (std::int64_t k = 0; k < high; ++k)
          std::memcpy(&square[k], from + (r + k) * from_pitch + c, static_cast<std::size_t>(wide));
      }
      turn_square<Tag>(square);
      if (high == kSide) {
        for (std::int64_t k = 0; k < wide; ++k)
          std::memcpy(to + (c + k) * to_pitch + r, &square[k], sizeof(Sixteen));
      } else {
        for (std::int64_t k = 0; k < wide; ++k)
          std::memcpy(to + (c + k) * to_pitch + r, &square[k], static_cast<std::size_t>(high));
      }
    }
  }
}

template <typename Tag>
inline constexpr ConvertQ8Set kConvertQ8Of = {.quantise = quantise_line<Tag>,
                                              .dequantise = dequantise_line<Tag>,
                                              .requantise = requantise_line<Tag>,
                                              .turn = turn_bytes<Tag>};

}  // namespace fettle::kernels
