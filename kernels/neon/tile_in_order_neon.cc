// SPDX-License-Identifier: Apache-2.0
//
// Tiles for in-order cores, such as Cortex-A53 and A55. Such a core starts two instructions in a cycle if the
// second can go with the first, and waits where a number is not there yet. Of what a tile needs, one
// multiply-add of four lanes starts in a cycle, and beside it one load of 64 bits, or one move from a general
// register; a load of 128 bits takes two cycles and goes with nothing. So the time of the multiply-adds is
// all that there is, if
//
// - loads have 64 bits: rows two channels at a time, weights in halves (Halves says how),
// - after every multiply-add there is at most one of them,
// - and nothing is used sooner than some cycles after its load.
//
// Two channels of an 8 x 2 tile, in aarch64: the loads beside the multiply-adds of each row,
//
//   row                      0      1      2      3      4      5      6     7
//   channel 0, vector 0   lower0 upper0 lower1 upper1  join0  join1   next          weights of channel 1
//   channel 0, vector 1
//   channel 1, vector 0   lower0 upper0 lower1 upper1  join0  join1   next          of the channel after it
//   channel 1, vector 1    row0   row1   row2   row3   row4   row5   row6  row7     both channels after it
//
// 20 for 32 multiply-adds, two additions that find the next row of weights, and room for what counts the
// loop. A row is loaded right after its last use, and used again 15 multiply-adds later; an upper half is
// joined 4 later at the earliest. 28 registers: 16 sums, 8 halves for rows, 4 for the weights of two
// channels.
//
// On armv7, where the halves of a register have names of their own, nothing is joined, and a tile is 4 x 2:
// 12 loads for 16 multiply-adds, one of them 3 before its use. 14 registers: 8 sums, 2 for rows, 4 for
// weights.
#include "kernels/common/tile_finish.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/ordered_neon.h"

namespace fettle::kernels {
namespace {

// Two channels of each row.
template <int kRows>
struct Rows {
  const float* at[kRows];
  float32x2_t x[kRows];
};

// Rows of weights, `pitch` floats apart.
struct WeightRows {
  const float* next;
  std::size_t pitch;
};

template <int kVectors>
struct Weights {
  Halves at[kVectors];

  // What of loading them goes beside the multiply-adds of row `r`.
  void step(int r, WeightRows& from) noexcept {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      if (r == 2 * v) load_lower(at[v], from.next, v);
      if (r == 2 * v + 1) load_upper(at[v], from.next, v, v + 1 == kVectors, from.pitch);
      if (r == kJoined + v) join(at[v]);
    }
    if (r == kJoined + kVectors) move_on(from.next, from.pitch);
  }
  static constexpr int kJoined = 4;
  static constexpr int kSteps = kJoined + kVectors + 1;

  void load(WeightRows& from) noexcept {
#pragma GCC unroll 7
    for (int r = 0; r < kSteps; ++r) step(r, from);
  }
};

enum class Then { rows_and_weights, weights, nothing };

// One channel, and beside it the loads for what comes next.
template <int kLane, Then kThen, int kRows, int kVectors>
inline void channel(TileSums<Neon, kRows, kVectors>& sums, Rows<kRows>& rows, const Weights<kVectors>& now,
                    Weights<kVectors>& next, WeightRows& weights) noexcept {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sums.at[r][v] = fma_lane<kLane>(sums.at[r][v], now.at[v].vector, rows.x[r]);
      if (v == 0 && kThen != Then::nothing) next.step(r, weights);
    }
    if (kThen == Then::rows_and_weights) load_next(rows.x[r], rows.at[r]);
  }
  if (kThen == Then::nothing) return;
#pragma GCC unroll 7
  for (int r = kRows; r < Weights<kVectors>::kSteps; ++r) next.step(r, weights);
}

// The channels of one tap, of which there are `depth`.
template <int kRows, int kVectors>
inline void tap(TileSums<Neon, kRows, kVectors>& sums, Rows<kRows>& rows, WeightRows& weights,
                std::size_t depth, const char*& prefetch, std::size_t prefetch_step) noexcept {
  Weights<kVectors> even;
  Weights<kVectors> odd;
  even.load(weights);
  if (depth >= 2) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) load_next(rows.x[r], rows.at[r]);
    for (; depth > 3; depth -= 2) {
      __builtin_prefetch(prefetch, 0, 2);
      prefetch += 2 * prefetch_step;
      channel<0, Then::weights>(sums, rows, even, odd, weights);
      channel<1, Then::rows_and_weights>(sums, rows, odd, even, weights);
    }
    channel<0, Then::weights>(sums, rows, even, odd, weights);
    if (depth == 2) return channel<1, Then::nothing>(sums, rows, odd, even, weights);
    channel<1, Then::weights>(sums, rows, odd, even, weights);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) load_one(rows.x[r], rows.at[r]);
  channel<0, Then::nothing>(sums, rows, even, odd, weights);
}

template <int kRows, int kVectors>
void tile_in_order(const Tile& t) noexcept {
  TileSums<Neon, kRows, kVectors> sums;
  start_tile(t, sums);
  WeightRows weights{static_cast<const float*>(t.panel), t.row_pitch};
  const std::size_t left_out = (t.tap_pitch - t.depth) * t.row_pitch;
  const char* prefetch = t.prefetch;
  const float* const* pointers = t.rows;
  for (std::size_t taps = t.taps; taps > 0; --taps, pointers += kRows, weights.next += left_out) {
    Rows<kRows> rows;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) rows.at[r] = pointers[r];
    tap(sums, rows, weights, t.depth, prefetch, t.prefetch_step);
  }
  finish_tile(t, sums);
}

template <int kRows, int kVectors>
constexpr TileKernel kInOrderTile = tile_in_order<kRows, kVectors>;

}  // namespace

constinit const TileSet kTilesNeonInOrder = {
    .vector = Neon::kLanes,
#if defined(__arm__)
    .most_rows = {4, 4, 0},
    .usual_vectors = 2,
    .kernels = {{kInOrderTile<1, 1>, kInOrderTile<2, 1>, kInOrderTile<3, 1>, kInOrderTile<4, 1>},
                {kInOrderTile<1, 2>, kInOrderTile<2, 2>, kInOrderTile<3, 2>, kInOrderTile<4, 2>}},
#else
    .most_rows = {8, 8, 0},
    .usual_vectors = 2,
    .kernels = {{kInOrderTile<1, 1>, kInOrderTile<2, 1>, kInOrderTile<3, 1>, kInOrderTile<4, 1>,
                 kInOrderTile<5, 1>, kInOrderTile<6, 1>, kInOrderTile<7, 1>, kInOrderTile<8, 1>},
                {kInOrderTile<1, 2>, kInOrderTile<2, 2>, kInOrderTile<3, 2>, kInOrderTile<4, 2>,
                 kInOrderTile<5, 2>, kInOrderTile<6, 2>, kInOrderTile<7, 2>, kInOrderTile<8, 2>}},
#endif
};

}  // namespace fettle::kernels
