// SPDX-License-Identifier: Apache-2.0
//
// How a product of matrices is cut into pieces that threads take and caches hold.
#pragma once

#include "kernels/common/elementwise_unary.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/panels.h"
#include "kernels/common/tile.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// One piece: a tile's rows times some of the panels.
struct Block {
  std::int64_t first_row;
  int rows;
  std::int64_t first_panel;
  std::int64_t last_panel;  ///< one past the last
  // What to fetch into L2 meanwhile: this piece's share of the panels that come next.
  std::int64_t next_float = 0;   ///< of all panels: a number of the type that they store
  std::int64_t next_floats = 0;  ///< how many; 0: nothing
};

/// All pieces of one product. Neighbours share panels, so that a thread that takes them in order reads panels
/// from memory once and from its L2 cache then.
class Blocking {
 public:
  /// Rows are cut into tiles of nearly equal height; panels into groups (see weight_groups), and into more
  /// where there are few rows for many threads. `input_floats`: what all rows are computed from. Nothing is
  /// fetched ahead for a single tile of rows, which reads weights from one end to the other: hardware does
  /// that better.
  /// Nor is it where products use a part of the rows of panels: what lies between them is of no use to them.
  /// `followed`: the panels of the next product lie behind these, and are fetched with the last group.
  Blocking(const TileSet& tiles, const Panels& panels, std::int64_t rows, std::int64_t input_floats,
           int threads, bool followed = false) noexcept;
  /// The same for tiles of at most so many rows.
  Blocking(int most_rows, const Panels& panels, std::int64_t rows, std::int64_t input_floats,
           int threads) noexcept;
  /// The same where rows have been cut already: a row here is a whole tile.
  Blocking(const Panels& panels, std::int64_t tiles, std::int64_t input_floats, int threads) noexcept;

  std::int64_t count() const noexcept { return row_tiles_ * panel_groups_; }

  /// Calls body(product, block) for the pieces [begin, end) of products that lie one after the other.
  template <typename Body>
  void for_each(std::int64_t begin, std::int64_t end, Body&& body) const {
    // Small pieces take some hundred cycles: what most have in common is found once.
    std::int64_t product = begin / count();
    std::int64_t group = begin % count() / row_tiles_;
    std::int64_t tile = begin % row_tiles_;
    while (begin < end) {
      Block piece = block(group, tile);
      const std::int64_t last = std::min(row_tiles_, tile + end - begin);
      begin += last - tile;
      while (true) {
        body(product, piece);
        if (++tile == last) break;
        piece.first_row += piece.rows;
        piece.rows = rows_of(tile);
        piece.next_float += piece.next_floats;
      }
      tile = 0;
      if (++group < panel_groups_) continue;
      group = 0;
      ++product;
    }
  }

 private:
  struct Cut {
    std::int64_t count, tiles;
  };
  Blocking(const Panels& panels, Cut rows, std::int64_t input_floats, int threads, bool followed,
           std::size_t weight_bytes = sizeof(float)) noexcept;
  Block block(std::int64_t group, std::int64_t tile) const noexcept;
  std::int64_t first_row(std::int64_t tile) const noexcept {
    return tile * tile_rows_ + (tile < taller_tiles_ ? tile : taller_tiles_);
  }
  int rows_of(std::int64_t tile) const noexcept {
    return static_cast<int>(tile_rows_ + (tile < taller_tiles_ ? 1 : 0));
  }
  std::int64_t first_panel(std::int64_t group) const noexcept {
    return group * group_panels_ + (group < larger_groups_ ? group : larger_groups_);
  }

  std::int64_t row_tiles_;
  std::int64_t tile_rows_, taller_tiles_;  // rows of each tile; so many have one more
  std::int64_t panel_groups_;
  std::int64_t group_panels_, larger_groups_;  // panels of each group; so many have one more
  std::int64_t fetched_floats_;  // of each panel, what each tile fetches for the next group; 0: nothing
  bool followed_;
  Panels panels_;
};

/// What all tiles of a product have in common; they clamp and add nothing. A tile starts as a copy of it. Its
/// taps lie one behind the other; where panels have more channels than are summed, `tap_pitch` has to say so.
Tile plain_tile(std::int64_t taps, std::int64_t depth) noexcept;
/// The same with a convolution's clamps and residual, in nhwc.
Tile conv_tile(std::int64_t taps, std::int64_t depth, const Epilogue& epilogue,
               std::int64_t output_pitch) noexcept;

/// Computes a block. `tile` has what does not depend on the panel, and points at the first row of the first
/// panel's columns; it is changed, because copying what has just been written in parts takes as long as some
/// tiles do. `function` is computed of each tile's results as soon as they are stored.
void multiply_panels(const TileSet& tiles, const Panels& panels, const ProductWeights& weights,
                     const Block& block, Tile& tile, const UnaryFunction& function) noexcept;

/// A block of a product of one tap whose rows lie at equal distances; `input` is the product's first row.
/// `tile` points at the first row of the block and the first column of all. The rows of the next block are
/// fetched ahead: products of few columns would wait for them.
void multiply_rows(const TileSet& tiles, const Panels& panels, const ProductWeights& weights,
                   const Block& block, const float* input, std::int64_t input_pitch, Tile& tile,
                   const UnaryFunction& function) noexcept;

}  // namespace fettle::kernels
