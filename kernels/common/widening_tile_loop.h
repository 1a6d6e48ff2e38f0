// SPDX-License-Identifier: Apache-2.0
//
// Tiles for panels of weights in fewer than 32 bits, which are widened to f32 as they are loaded. `Weights`
// is an instruction set's type with
//
//   using Stored = std::int8_t;             // of a weight in panels
//   static constexpr int kTogether = 2;     // vectors that one load fills, 1 or 2
//   static void load(const Stored* from, Vector (&weights)[count]) noexcept;  // for 1 and kTogether
//
// Such products have few rows and wait for memory, or for the sums of a row: a multiply-add begins when the
// one before it has ended. So these tiles are as wide as four vectors, where others have more rows. The
// inputs of all rows are broadcast first, and each vector of weights is used up before the next is widened:
// that takes the fewest registers.
//
// Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/tile_finish.h"

#include <cstddef>
#include <utility>

namespace fettle::kernels {

/// Adds the products of one channel and `kCount` vectors of weights, from vector `first` of the tile on.
template <typename Weights, int kCount, typename Simd, int kRows, int kVectors>
inline void add_widened(const typename Weights::Stored* weights, int first,
                        const typename Simd::Vector (&input)[kRows],
                        TileSums<Simd, kRows, kVectors>& sums) noexcept {
  typename Simd::Vector w[kCount];
  Weights::load(weights + first * Simd::kLanes, w);
#pragma GCC unroll 2
  for (int v = 0; v < kCount; ++v) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums.at[r][first + v] = Simd::fma(input[r], w[v], sums.at[r][first + v]);
  }
}

template <typename Simd, typename Weights, int kRows, int kVectors>
void widening_tile(const Tile& t) noexcept {
  constexpr int kTogether = Weights::kTogether;
  constexpr int kWhole = kVectors / kTogether * kTogether;
  TileSums<Simd, kRows, kVectors> sums;
  start_tile(t, sums);
  const auto* weights = static_cast<const typename Weights::Stored*>(t.panel);
  const std::size_t pitch = t.row_pitch;
  const std::size_t left_out = (t.tap_pitch - t.depth) * pitch;
  const char* prefetch = t.prefetch;
  const float* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows, weights += left_out) {
    const float* x[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    for (std::size_t c = 0; c < t.depth; ++c, weights += pitch) {
      if constexpr (kRows > 1) {
        __builtin_prefetch(prefetch, 0, 2);
        prefetch += t.prefetch_step;
      }
      typename Simd::Vector input[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) input[r] = Simd::all(x[r][c]);
#pragma GCC unroll 4
      for (int v = 0; v < kWhole; v += kTogether) add_widened<Weights, kTogether>(weights, v, input, sums);
      if constexpr (kWhole < kVectors) add_widened<Weights, 1>(weights, kWhole, input, sums);
    }
  }
  finish_tile(t, sums);
}

/// Tiles of up to `most_rows` rows, for any number of vectors.
template <typename Simd, typename Weights, int most_rows>
constexpr TileSet widening_tiles() {
  TileSet set{};
  set.vector = Simd::kLanes;
  set.weight_bytes = sizeof(typename Weights::Stored);
  set.usual_vectors = kMostVectors;
  const auto add = [&set]<int... rows>(auto vectors, std::integer_sequence<int, rows...>) {
    constexpr int kVectors = decltype(vectors)::value;
    set.most_rows[kVectors - 1] = most_rows;
    ((set.kernels[kVectors - 1][rows] = widening_tile<Simd, Weights, rows + 1, kVectors>), ...);
  };
  [&]<int... vectors>(std::integer_sequence<int, vectors...>) {
    (add(std::integral_constant<int, vectors + 1>{}, std::make_integer_sequence<int, most_rows>{}), ...);
  }
  (std::make_integer_sequence<int, kMostVectors>{});
  return set;
}

}  // namespace fettle::kernels
