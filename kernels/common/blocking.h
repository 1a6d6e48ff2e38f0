// SPDX-License-Identifier: Apache-2.0
//
// How a product of matrices is cut into pieces that threads take and caches hold.
#pragma once

#include "kernels/common/panels.h"
#include "kernels/common/tile.h"

#include <cstdint>

namespace fettle::kernels {

/// One piece: a tile's rows times some of the panels.
struct Block {
  std::int64_t first_row;
  int rows;
  std::int64_t first_panel;
  std::int64_t last_panel;  ///< one past the last
  // What to fetch into L2 meanwhile: this piece's share of the panels that come next.
  std::int64_t next_float = 0;   ///< of all panels
  std::int64_t next_floats = 0;  ///< how many; 0: nothing
};

/// All pieces. Neighbours share panels, so that a thread that takes them in order reads panels from memory
/// once and from its L2 cache then.
class Blocking {
 public:
  /// Rows are cut into tiles of nearly equal height; panels into groups that fit into half of the L2 cache,
  /// and into more where there are few rows for many threads.
  Blocking(const TileSet& tiles, const Panels& panels, std::int64_t rows, int threads) noexcept;

  std::int64_t count() const noexcept { return row_tiles_ * panel_groups_; }
  Block operator[](std::int64_t index) const noexcept;

 private:
  std::int64_t first_panel(std::int64_t group) const noexcept { return panels_ * group / panel_groups_; }

  std::int64_t rows_;
  std::int64_t row_tiles_;
  std::int64_t panels_;
  std::int64_t panel_groups_;
  std::int64_t floats_each_;  // of a panel
  bool fetches_;              // panels do not all stay in L2
};

/// A tile that clamps and adds nothing, without output.
Tile plain_tile(const float* const* rows, std::int64_t taps, std::int64_t depth) noexcept;

/// Computes a block. `tile` has what does not depend on the panel, and points at the first panel's columns.
void multiply_panels(const TileSet& tiles, const Panels& panels, const float* packed, const Block& block,
                     Tile tile) noexcept;

}  // namespace fettle::kernels
