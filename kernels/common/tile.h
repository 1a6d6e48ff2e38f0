// SPDX-License-Identifier: Apache-2.0
//
// The innermost loop of every kernel that is a matrix product at heart: some rows (pixels) times a panel of
// columns (output channels). One file for each instruction set defines it; everything around it (packing,
// blocking, borders, threads) is shared and compiled for the baseline.
#pragma once

#include <cstddef>

namespace fettle::kernels {

/// output[r][j] = clamp(residual[r][j] + clamp(bias[j] + scale[j] * sum over taps t and channels c of
/// rows[t][r][c] * weights[t][c][j])). How each sum is formed depends on nothing but t and c, so that tiles
/// of any size, and of any part of a panel, give the same bits. Without a scale it begins with the bias;
/// which of the two it is, whoever makes the tile says once, so that short products need not ask.
struct Tile {
  const float* const* rows;  ///< for each tap as many pointers as the tile has rows, each to `depth` floats
  std::size_t taps;          ///< at least 1
  std::size_t depth;         ///< channels summed for each tap; at least 1
  const void* panel;         ///< the first tap's and channel's row of weights, of the set's size
  std::size_t tap_pitch;     ///< rows of the panel from one tap to the next: `depth`, or more
  std::size_t row_pitch;     ///< weights from one row of them to the next: the tile's width, or more
  const float* begin;  ///< what sums of columns begin with, in whole vectors: bias, or zeros before a scale
  const float* scale;  ///< of each column, likewise; null: 1
  const float* bias;   ///< likewise, added behind the scale; not read without one
  float* output;       ///< the first row's first column
  std::size_t output_stride;  ///< floats from one row to the next
  std::size_t columns;        ///< how many are stored: the last vector may be used in part
  const float* residual;  ///< like `output`, added to it; null: nothing is added and `last` is not applied
  std::size_t residual_stride;
  float low, high;             ///< clamp of the sum
  float last_low, last_high;   ///< clamp after the addition
  const char* prefetch;        ///< what will be needed soon is fetched into L2 meanwhile, from here
  std::size_t prefetch_step;   ///< bytes further with each tap and channel; 0: nothing is needed
  const char* next_rows;       ///< the same for the rows of the next tile and, where tiles do so, L1; never
                               ///< null: what is not mapped would be looked up again each time
  std::size_t next_rows_step;  ///< like `prefetch_step`
};

using TileKernel = void (*)(const Tile& tile) noexcept;

/// The sizes in which an instruction set's tiles come.
inline constexpr int kMostVectors = 4;
inline constexpr int kMostRows = 14;
inline constexpr int kMostLanes = 16;

/// The tiles of one instruction set: a function for each number of vectors across and rows down.
struct TileSet {
  int vector;                                ///< floats of a register
  std::size_t weight_bytes = sizeof(float);  ///< of a weight in panels: tiles widen what is smaller to f32
  /// By vectors - 1: as many as accumulators fit; 0 where there is no such tile.
  int most_rows[kMostVectors];
  int usual_vectors;  ///< across, where the number of columns does not speak for another
  TileKernel kernels[kMostVectors][kMostRows];

  TileKernel kernel(int vectors, int rows) const noexcept { return kernels[vectors - 1][rows - 1]; }
};

}  // namespace fettle::kernels
