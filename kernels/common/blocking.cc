// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocking.h"

#include "kernels/common/cache.h"
#include "kernels/common/ceil_div.h"

#include <algorithm>
#include <array>
#include <limits>

namespace fettle::kernels {
namespace {

// What sums begin with that are scaled before the bias is added.
constexpr std::array<float, static_cast<std::size_t>(kMostVectors* kMostLanes)> kNothing{};

// How many bytes each product must fetch so that a block's fetch so many numbers of `size` bytes.
std::size_t fetched_each(std::int64_t numbers, std::size_t size, const Block& block,
                         const Tile& tile) noexcept {
  if (numbers == 0) return 0;
  const std::int64_t products =
      (block.last_panel - block.first_panel) * static_cast<std::int64_t>(tile.taps * tile.depth);
  return static_cast<std::size_t>(ceil_div(numbers, products)) * size;
}

// Of the memory that a product's weights take.
std::int64_t floats_of(const Panels& panels, std::size_t weight_bytes) noexcept {
  return ceil_div(panels.used_floats() * static_cast<std::int64_t>(weight_bytes),
                  static_cast<std::int64_t>(sizeof(float)));
}

void multiply_fetching(const TileSet& tiles, const Panels& panels, const ProductWeights& weights,
                       const Block& block, Tile& tile, const UnaryFunction& function) noexcept {
  const std::int64_t first_column = panels.first_column(block.first_panel);
  const std::size_t products = tile.taps * tile.depth;
  const std::size_t size = tiles.weight_bytes;
  const auto* stored = static_cast<const char*>(weights.panels);
  tile.prefetch = stored + static_cast<std::size_t>(block.next_float) * size;
  tile.prefetch_step = fetched_each(block.next_floats, size, block, tile);
  tile.bias = weights.bias + first_column;
  tile.scale = weights.scale == nullptr ? nullptr : weights.scale + first_column;
  tile.output += first_column;
  if (tile.residual != nullptr) tile.residual += first_column;
  for (std::int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    const std::int64_t width = panels.width_of(panel);
    const std::int64_t columns = panels.columns_of(panel);
    tile.panel =
        stored + static_cast<std::size_t>(panels.first_float(panel) + weights.first_row * width) * size;
    tile.row_pitch = static_cast<std::size_t>(width);
    tile.begin = tile.scale == nullptr ? tile.bias : kNothing.data();
    tile.columns = static_cast<std::size_t>(columns);
    tiles.kernel(panels.used_vectors_of(panel), block.rows)(tile);
    function.apply(tile.output, static_cast<std::int64_t>(tile.output_stride), block.rows, columns);
    tile.bias += width;
    if (tile.scale != nullptr) tile.scale += width;
    tile.output += width;
    if (tile.residual != nullptr) tile.residual += width;
    tile.prefetch += tile.prefetch_step * products;
    tile.next_rows += tile.next_rows_step * products;
  }
}

}  // namespace

Blocking::Blocking(const TileSet& tiles, const Panels& panels, std::int64_t rows, std::int64_t input_floats,
                   int threads, bool followed) noexcept
    : Blocking(panels, {rows, ceil_div(rows, tiles.most_rows[panels.vectors - 1])}, input_floats, threads,
               followed, tiles.weight_bytes) {}

Blocking::Blocking(int most_rows, const Panels& panels, std::int64_t rows, std::int64_t input_floats,
                   int threads) noexcept
    : Blocking(panels, {rows, ceil_div(rows, most_rows)}, input_floats, threads, false) {}

Blocking::Blocking(const Panels& panels, std::int64_t tiles, std::int64_t input_floats, int threads) noexcept
    : Blocking(panels, {tiles, tiles}, input_floats, threads, false) {}

Blocking::Blocking(const Panels& panels, Cut rows, std::int64_t input_floats, int threads, bool followed,
                   std::size_t weight_bytes) noexcept
    : row_tiles_(rows.tiles),
      tile_rows_(rows.count / row_tiles_),
      taller_tiles_(rows.count % row_tiles_),
      panel_groups_(std::min(panels.count, weight_groups(floats_of(panels, weight_bytes), input_floats))),
      fetched_floats_((panel_groups_ > 1 || followed) && row_tiles_ > 1 && panels.uses_all_rows()
                          ? ceil_div(panels.first_float(1), row_tiles_)
                          : 0),
      followed_(followed),
      panels_(panels) {
  // Each thread should have some pieces, so that the last to finish is not late by much.
  constexpr std::int64_t kPiecesEach = 4;
  if (threads > 1 && row_tiles_ < kPiecesEach * threads) {
    const std::int64_t wanted = ceil_div(kPiecesEach * threads, row_tiles_);
    panel_groups_ = std::min(panels.count, std::max(panel_groups_, wanted));
  }
  group_panels_ = panels.count / panel_groups_;
  larger_groups_ = panels.count % panel_groups_;
}

Block Blocking::block(std::int64_t group, std::int64_t tile) const noexcept {
  // The tiles of a group share out the next group. That some panels may be narrower does not matter.
  const bool ends = group + 1 == panel_groups_;
  const bool fetches = fetched_floats_ > 0 && (!ends || followed_);
  const std::int64_t next = ends ? 0 : group + 1;
  const std::int64_t floats = fetches ? fetched_floats_ * (first_panel(next + 1) - first_panel(next)) : 0;
  const std::int64_t begin = (ends ? panels_.floats() : 0) + panels_.first_float(first_panel(next));
  // Each number is written once and whole: a load of what two stores have written waits until these, and with
  // them the results of the tile before, are in the cache.
  return {first_row(tile),
          rows_of(tile),
          first_panel(group),
          first_panel(group + 1),
          fetches ? begin + tile * floats : 0,
          floats};
}

Tile plain_tile(std::int64_t taps, std::int64_t depth) noexcept {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Tile tile{};
  tile.taps = static_cast<std::size_t>(taps);
  tile.depth = tile.tap_pitch = static_cast<std::size_t>(depth);
  tile.low = tile.last_low = -kInfinity;
  tile.high = tile.last_high = kInfinity;
  return tile;
}

Tile conv_tile(std::int64_t taps, std::int64_t depth, const Epilogue& epilogue,
               std::int64_t output_pitch) noexcept {
  Tile tile = plain_tile(taps, depth);
  tile.output_stride = static_cast<std::size_t>(output_pitch);
  tile.residual_stride = static_cast<std::size_t>(epilogue.residual_pitch);
  tile.low = epilogue.clamp.low, tile.high = epilogue.clamp.high;
  tile.last_low = epilogue.after_added.low, tile.last_high = epilogue.after_added.high;
  return tile;
}

void multiply_panels(const TileSet& tiles, const Panels& panels, const ProductWeights& weights,
                     const Block& block, Tile& tile, const UnaryFunction& function) noexcept {
  tile.next_rows = static_cast<const char*>(weights.panels);
  tile.next_rows_step = 0;
  multiply_fetching(tiles, panels, weights, block, tile, function);
}

void multiply_rows(const TileSet& tiles, const Panels& panels, const ProductWeights& weights,
                   const Block& block, const float* input, std::int64_t input_pitch, Tile& tile,
                   const UnaryFunction& function) noexcept {
  std::array<const float*, kMostRows> rows;
  const float* row = input + block.first_row * input_pitch;
  for (int r = 0; r < block.rows; ++r, row += input_pitch) rows[static_cast<std::size_t>(r)] = row;
  tile.rows = rows.data();
  tile.next_rows = reinterpret_cast<const char*>(row);
  tile.next_rows_step = fetched_each(block.rows * input_pitch, sizeof(float), block, tile);
  multiply_fetching(tiles, panels, weights, block, tile, function);
}

}  // namespace fettle::kernels
