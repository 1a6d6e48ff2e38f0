// SPDX-License-Identifier: Apache-2.0
//
// The innermost loop of products of 8-bit integers (int8 GEMM): rows of bytes times a panel of columns, with
// sums in 32 bits and bytes as results. As kernels/common/tile.h is for f32.
#pragma once

#include "kernels/common/q8/bytes.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// Bytes of a row that a tile multiplies together. Rows are read in whole groups: up to three bytes behind
/// their end, whose weights are 0.
inline constexpr std::int64_t kQ8Group = 4;

/// output[r][j] = clamp(round(scale[j] * (begin[j] + offsets[r] + sum of (rows[t][r][c] ^ flip) *
/// weights[t][c][j]))) + zero, rounded half to even; or, for those who go on with them, the sums alone.
/// Whether the turned-over bytes of rows are signed is the set's choice.
struct TileQ8 {
  const std::uint8_t* const* rows;  ///< for each tap as many pointers as the tile has rows
  std::size_t taps;                 ///< at least 1
  std::size_t groups;               ///< of bytes that are summed for each tap; at least 1
  const std::byte* panel;           ///< the first tap's and group's weights
  std::size_t panel_step;           ///< bytes from one group's weights to the next
  const std::int32_t* begin;        ///< what sums of columns begin with, in whole vectors
  const std::int32_t* offsets;      ///< what is added to the sums of each row; null: nothing
  const float* scale;               ///< of each column, in whole vectors
  float low, high;                  ///< bounds of what is rounded: without the zero point
  std::int32_t zero;                ///< added to what is rounded: 0 to 255
  std::uint8_t flip;                ///< 0x80: turns rows into what the set multiplies
  std::uint8_t output_flip;         ///< 0x80: results are s8, likewise
  std::uint8_t* output;             ///< the first row's first column
  std::size_t output_stride;        ///< bytes from one row to the next
  std::size_t columns;              ///< how many are stored: the last vector may be used in part
  std::int32_t* sums;               ///< where all sums go in place of `output`, in whole vectors; or null
  std::size_t sum_stride;           ///< sums from one row to the next
};

using TileQ8Kernel = void (*)(const TileQ8& tile) noexcept;

/// The sizes in which tiles come.
inline constexpr int kMostQ8Vectors = 2;
inline constexpr int kMostQ8Rows = 14;
inline constexpr int kMostQ8Lanes = 16;

/// How the weights of a group of bytes lie among those of a vector of columns.
enum class WeightOrderQ8 : std::uint8_t {
  groups,    ///< column by column
  even_odd,  ///< the bytes in even places, column by column, then those in odd ones
  places,    ///< the columns' first bytes, the second ones; of all vectors of a panel together
};

/// The tiles of one instruction set.
struct TileQ8Set {
  int vector;        ///< sums of a register
  bool signed_rows;  ///< multiplies rows of s8, else u8
  int weight_bytes;  ///< of a stored weight: 1 (s8) or 2 (s16)
  WeightOrderQ8 order;
  int most_rows[kMostQ8Vectors];  ///< by vectors - 1
  /// Whether rows are turned over, then by vectors - 1 and rows - 1.
  TileQ8Kernel kernels[2][kMostQ8Vectors][kMostQ8Rows];

  TileQ8Kernel kernel(bool flips, int vectors, int rows) const noexcept {
    return kernels[flips ? 1 : 0][vectors - 1][rows - 1];
  }
  /// What turns bytes of a type into those that are multiplied, and the zero point among these.
  std::uint8_t flip_of(DataType type) const noexcept { return flip_to(signed_rows, type); }
  int zero_of(const Format& format) const noexcept { return zero_among(signed_rows, format); }
};

}  // namespace fettle::kernels
