// SPDX-License-Identifier: Apache-2.0
//
// 8-bit tiles for NEON without dot products. Bytes of rows become 16 bits, eight at a time, and are
// multiplied by lane by weights of 16 bits, which hold any difference of a byte and its zero point. On
// aarch64:
//
//   8 x 2: v8.. rows, 8 channels | 16 sums | weights    128 smlal for 16 loads: 512 products
//
// and on armv7, with 16 registers, 4 x 2.
#include "kernels/neon/loops.h"
#include "kernels/neon/tile_q8_finish.h"

namespace fettle::kernels {
namespace {

#if defined(__arm__)
constexpr int kMostRows = 4;
#else
constexpr int kMostRows = 8;
#endif

template <int kLane>
inline int32x4_t add_lane(int32x4_t sum, int16x4_t w, int16x8_t x) noexcept {
  if constexpr (kLane < 4)
    return vmlal_lane_s16(sum, w, vget_low_s16(x), kLane);
  else
    return vmlal_lane_s16(sum, w, vget_high_s16(x), kLane - 4);
}

// A byte of each row, times its weights.
template <int kLane, int kRows, int kVectors>
inline void add_place(int32x4_t (&sums)[kRows][kVectors], const int16x8_t (&x)[kRows],
                      const std::int16_t* weights) noexcept {
  if constexpr (kVectors == 2) {
    const int16x8_t w = vld1q_s16(weights);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      sums[r][0] = add_lane<kLane>(sums[r][0], vget_low_s16(w), x[r]);
      sums[r][1] = add_lane<kLane>(sums[r][1], vget_high_s16(w), x[r]);
    }
  } else {
    const int16x4_t w = vld1_s16(weights);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r][0] = add_lane<kLane>(sums[r][0], w, x[r]);
  }
}

// The four bytes of a group, the first of which is in lane kFirst.
template <int kFirst, int kRows, int kVectors>
inline void add_group(int32x4_t (&sums)[kRows][kVectors], const int16x8_t (&x)[kRows],
                      const std::byte* panel) noexcept {
  const auto* weights = reinterpret_cast<const std::int16_t*>(panel);
  add_place<kFirst>(sums, x, weights);
  add_place<kFirst + 1>(sums, x, weights + 4 * kVectors);
  add_place<kFirst + 2>(sums, x, weights + 8 * kVectors);
  add_place<kFirst + 3>(sums, x, weights + 12 * kVectors);
}

template <bool kFlips>
inline int16x8_t widened(uint8x8_t bytes) noexcept {
  const uint8x8_t turned = kFlips ? veor_u8(bytes, vdup_n_u8(0x80)) : bytes;
  return vreinterpretq_s16_u16(vmovl_u8(turned));
}

template <int kRows, int kVectors, bool kFlips>
struct WideningTile {
  static void run(const TileQ8& t) noexcept {
    int32x4_t sums[kRows][kVectors];
    start_tile_q8(t, sums);
    const std::byte* panel = t.panel;
    const std::size_t step = t.panel_step;
    const std::uint8_t* const* rows = t.rows;
    for (std::size_t tap = t.taps; tap > 0; --tap, rows += kRows) {
      const std::uint8_t* at[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) at[r] = rows[r];
      std::size_t left = t.groups;
      int16x8_t x[kRows];
      for (; left >= 2; left -= 2, panel += 2 * step) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          x[r] = widened<kFlips>(vld1_u8(at[r]));
          at[r] += 8;
        }
        add_group<0>(sums, x, panel);
        add_group<4>(sums, x, panel + step);
      }
      if (left > 0) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          std::uint32_t four;
          std::memcpy(&four, at[r], sizeof(four));
          x[r] = widened<kFlips>(vreinterpret_u8_u32(vdup_n_u32(four)));
        }
        add_group<0>(sums, x, panel);
        panel += step;
      }
    }
    finish_tile_q8(t, sums);
  }
};

constexpr TileQ8Set tiles_of_widening() noexcept {
  TileQ8Set set{.vector = 4,
                .signed_rows = false,
                .weight_bytes = 2,
                .order = WeightOrderQ8::places,
                .most_rows = {kMostRows, kMostRows},
                .kernels = {}};
  fill_tiles_q8<WideningTile>(set, std::make_integer_sequence<int, kMostRows>());
  return set;
}

}  // namespace

constinit const TileQ8Set kTilesQ8Neon = tiles_of_widening();

}  // namespace fettle::kernels
