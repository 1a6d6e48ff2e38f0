// SPDX-License-Identifier: Apache-2.0
//
// 8-bit tiles for NEON with dot products: sdot multiplies four signed bytes of each column's weights by four
// of a row, which are a lane, and adds them to the column's sum. Rows are loaded sixteen bytes at a time,
// where they lie:
//
//   8 x 2: v0..v15 sums | v16..v23 rows, 16 bytes | v24.. weights    64 sdot for 16 loads: 1024 products
#include "kernels/neon/loops.h"
#include "kernels/neon/tile_q8_finish.h"

namespace fettle::kernels {
namespace {

// A group of four bytes of each row, times its weights.
template <int kLane, bool kFlips, int kRows, int kVectors>
inline void add_group(int32x4_t (&sums)[kRows][kVectors], const int8x16_t (&x)[kRows],
                      const std::int8_t*& panel, std::size_t step) noexcept {
  // Weights are not loaded before their turn: the compiler would run out of registers, and give each sum all
  // its groups one after another, for which in-order cores wait.
  if constexpr (kFlips) asm volatile("" ::: "memory");
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const int8x16_t w = vld1q_s8(panel + 16 * v);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r][v] = vdotq_laneq_s32(sums[r][v], w, x[r], kLane);
  }
  panel += step;
}

template <int kRows, int kVectors, bool kFlips>
struct DotTile {
  static void run(const TileQ8& t) noexcept {
    int32x4_t sums[kRows][kVectors];
    start_tile_q8(t, sums);
    const auto* panel = reinterpret_cast<const std::int8_t*>(t.panel);
    // Known where it matters: pairs of weights are then one load. Sums of rows have steps of 0.
    const std::size_t step = kVectors == 2 ? 32 : t.panel_step;
    const std::uint8_t* const* rows = t.rows;
    const uint8x16_t flip = vdupq_n_u8(0x80);
    for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
      const std::uint8_t* at[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) at[r] = rows[r];
      std::size_t left = t.groups;
      for (; left >= 4; left -= 4) {
        int8x16_t x[kRows];
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const uint8x16_t bytes = vld1q_u8(at[r]);
          at[r] += 16;
          x[r] = vreinterpretq_s8_u8(kFlips ? veorq_u8(bytes, flip) : bytes);
        }
        add_group<0, kFlips>(sums, x, panel, step);
        add_group<1, kFlips>(sums, x, panel, step);
        add_group<2, kFlips>(sums, x, panel, step);
        add_group<3, kFlips>(sums, x, panel, step);
      }
      for (; left > 0; --left) {
        int8x16_t x[kRows];
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          std::uint32_t four;
          std::memcpy(&four, at[r], sizeof(four));
          at[r] += 4;
          const uint8x16_t bytes = vreinterpretq_u8_u32(vdupq_n_u32(four));
          x[r] = vreinterpretq_s8_u8(kFlips ? veorq_u8(bytes, flip) : bytes);
        }
        add_group<0, kFlips>(sums, x, panel, step);
      }
    }
    finish_tile_q8(t, sums);
  }
};

constexpr TileQ8Set tiles_of_dot() noexcept {
  TileQ8Set set{.vector = 4,
                .signed_rows = true,
                .weight_bytes = 1,
                .order = WeightOrderQ8::groups,
                .most_rows = {8, 8},
                .kernels = {}};
  fill_tiles_q8<DotTile>(set, std::make_integer_sequence<int, 8>());
  return set;
}

}  // namespace

constinit const TileQ8Set kTilesQ8NeonDot = tiles_of_dot();

}  // namespace fettle::kernels
