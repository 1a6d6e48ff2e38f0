// SPDX-License-Identifier: Apache-2.0
//
// The tile of 8-bit products for instruction sets that broadcast four bytes as fast as they load a vector
// (x86). Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/q8/tile.h"

#include <cstring>

namespace fettle::kernels {

/// Adds the products of kSteps groups, which begin at byte `c` of each row, to a tile's sums; `panel` moves
/// on by `step` bytes a group.
template <int kSteps, bool kFlips, typename Simd, int kRows, int kVectors>
inline void add_q8_products(const std::uint8_t* const* x, std::size_t c, const std::byte*& panel,
                            std::size_t step, typename Simd::Sums (&sums)[kRows][kVectors]) noexcept {
  typename Simd::Weights w[kSteps][kVectors];
#pragma GCC unroll 4
  for (int s = 0; s < kSteps; ++s) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[s][v] = Simd::load_weights(panel, v);
    panel += step;
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < kSteps; ++s) {
      const typename Simd::Input input = Simd::template input<kFlips>(x[r] + c + s * kQ8Group);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Simd::multiply_add(input, w[s][v], sums[r][v]);
    }
  }
}

template <typename Simd, int kRows, int kVectors, bool kFlips>
void tile_q8_loop(const TileQ8& t) noexcept {
  typename Simd::Sums sums[kRows][kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const typename Simd::Sums begin = Simd::load_sums(t.begin + v * Simd::kLanes);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) sums[r][v] = begin;
  }
  if (t.offsets != nullptr) [[unlikely]] {
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      const typename Simd::Sums offset = Simd::all_sums(t.offsets[r]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Simd::add_sums(sums[r][v], offset);
    }
  }
  // Many rows have more pointers than there are registers. A tile of one vector would spend more time on
  // fetching them than on products; so each is used for several groups.
  constexpr int kSteps = kVectors == 1 && kRows > 6 && Simd::kRegisters >= 32 ? 4 : 1;
  const std::byte* panel = t.panel;
  const std::size_t step = t.panel_step;
  const std::uint8_t* const* rows = t.rows;
  for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
    const std::uint8_t* x[kRows];
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) x[r] = rows[r];
    const std::size_t bytes = t.groups * kQ8Group;
    std::size_t c = 0;
    if constexpr (kSteps > 1) {
      for (; c + kSteps * kQ8Group <= bytes; c += kSteps * kQ8Group)
        add_q8_products<kSteps, kFlips, Simd>(x, c, panel, step, sums);
    }
#pragma GCC unroll 1
    for (; c < bytes; c += kQ8Group) add_q8_products<1, kFlips, Simd>(x, c, panel, step, sums);
  }
  if (t.sums != nullptr) {
    std::int32_t* to = t.sums;
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r, to += t.sum_stride) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) Simd::store_sums(to + v * Simd::kLanes, sums[r][v]);
    }
    return;
  }
  const std::size_t last = t.columns - (kVectors - 1) * Simd::kLanes;
  const bool whole = last == Simd::kLanes;
  const typename Simd::Rounding rounding(t, last);
  std::uint8_t* output = t.output;
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r, output += t.output_stride) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      rounding.store(sums[r][v], t.scale + v * Simd::kLanes, output + v * Simd::kLanes,
                     v + 1 < kVectors || whole);
    }
  }
}

/// The sizes of tiles: a function for each number of rows.
template <typename Simd, int kVectors, bool kFlips, int... kRows>
constexpr void fill_tiles(TileQ8Kernel (&kernels)[kMostQ8Rows]) noexcept {
  ((kernels[kRows - 1] = tile_q8_loop<Simd, kRows, kVectors, kFlips>), ...);
}

}  // namespace fettle::kernels
