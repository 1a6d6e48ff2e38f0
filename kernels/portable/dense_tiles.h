// SPDX-License-Identifier: Apache-2.0
//
// Dense layers on bytes, tile by tile: what those of quantised layers and those that quantise x themselves
// have in common.
#pragma once

#include "kernels/common/dense_shape.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/product_q8.h"

namespace fettle::kernels::portable {

inline constexpr std::int64_t kTileRows = 16;
inline constexpr std::int64_t kTileOutputs = 128;

/// Scratch memory of one thread.
inline std::size_t tile_bytes(const DenseShape& s) {
  return static_cast<std::size_t>(kTileRows * padded_depth(s.depth)) * sizeof(std::int16_t) +
         static_cast<std::size_t>(kTileRows * kTileOutputs) * sizeof(std::int32_t);
}

/// Multiplies the rows of x with w and calls finish(row, first output, count, sums) for each row of a tile.
template <typename Finish>
void for_each_tile(const Call& call, const DenseShape& s, const WeightRows& w, const std::uint8_t* x,
                   std::uint8_t flip, std::byte* workspace, Finish&& finish) {
  const std::int64_t across = (s.outputs + kTileOutputs - 1) / kTileOutputs;
  const std::int64_t down = (s.rows + kTileRows - 1) / kTileRows;
  call.parallel(down * across, [&](std::int64_t begin, std::int64_t end, int worker) {
    auto* rows =
        reinterpret_cast<std::int16_t*>(workspace + static_cast<std::size_t>(worker) * tile_bytes(s));
    auto* sums = reinterpret_cast<std::int32_t*>(rows + kTileRows * w.depth);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i / across * kTileRows;
      const std::int64_t height = std::min(kTileRows, s.rows - row);
      const std::int64_t first = i % across * kTileOutputs;
      const std::int64_t last = std::min(s.outputs, first + kTileOutputs);
      for (std::int64_t r = 0; r < height; ++r)
        widen(x + (row + r) * s.depth, s.depth, flip, rows + r * w.depth);
      multiply(w, rows, height, first, last, sums, kTileOutputs, 1);
      for (std::int64_t r = 0; r < height; ++r) finish(row + r, first, last - first, sums + r * kTileOutputs);
    }
  });
}

}  // namespace fettle::kernels::portable
