// SPDX-License-Identifier: Apache-2.0
//
// What tiles of bytes begin and end with for NEON. The anonymous namespace keeps it inside the file that uses
// it, as in simd_neon.h.
#pragma once

#include "kernels/common/q8/tile.h"
#include "kernels/neon/rounding_q8.h"

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

template <int kRows, int kVectors>
inline void start_tile_q8(const TileQ8& t, int32x4_t (&sums)[kRows][kVectors]) noexcept {
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const int32x4_t begin = vld1q_s32(t.begin + 4 * v);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r][v] = begin;
  }
  if (t.offsets == nullptr) [[likely]]
    return;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const int32x4_t offset = vdupq_n_s32(t.offsets[r]);
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sums[r][v] = vaddq_s32(sums[r][v], offset);
  }
}

// Out of line: few tiles are not whole.
[[gnu::noinline]] inline void store_few(const uint8x8_t* bytes, int rows, const TileQ8& t) noexcept {
  std::uint8_t* to = t.output;
  for (int r = 0; r < rows; ++r, to += t.output_stride) {
    std::uint8_t all[8];
    vst1_u8(all, bytes[r]);
    std::memcpy(to, all, t.columns);
  }
}

template <int kRows, int kVectors>
inline void finish_tile_q8(const TileQ8& t, const int32x4_t (&sums)[kRows][kVectors]) noexcept {
  if (t.sums != nullptr) {
    std::int32_t* to = t.sums;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r, to += t.sum_stride) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) vst1q_s32(to + 4 * v, sums[r][v]);
    }
    return;
  }
  const RoundingQ8 rounding(t, t.output_flip);
  float32x4_t scale[kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) scale[v] = vld1q_f32(t.scale + 4 * v);
  uint8x8_t bytes[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    if constexpr (kVectors == 2)
      bytes[r] = rounding.bytes(sums[r][0], sums[r][1], scale[0], scale[1]);
    else
      bytes[r] = rounding.bytes(sums[r][0], scale[0]);
  }
  if (kVectors < 2 || t.columns < 8) {
    store_few(bytes, kRows, t);
    return;
  }
  std::uint8_t* output = t.output;
  const std::size_t stride = t.output_stride;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r, output += stride) vst1_u8(output, bytes[r]);
}

/// The sizes of tiles: Loop<rows, vectors, flips>::run for each number of rows.
template <template <int, int, bool> typename Loop, int... kRows>
constexpr void fill_tiles_q8(TileQ8Set& set, std::integer_sequence<int, kRows...>) noexcept {
  ((set.kernels[0][0][kRows] = Loop<kRows + 1, 1, false>::run), ...);
  ((set.kernels[0][1][kRows] = Loop<kRows + 1, 2, false>::run), ...);
  ((set.kernels[1][0][kRows] = Loop<kRows + 1, 1, true>::run), ...);
  ((set.kernels[1][1][kRows] = Loop<kRows + 1, 2, true>::run), ...);
}

}  // namespace
}  // namespace fettle::kernels
