// SPDX-License-Identifier: Apache-2.0
//
// Weights of a matrix product in panels: as many columns as a tile is wide, with everything that the tile
// reads in the order in which it reads it.
#pragma once

#include "kernels/common/tile.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// How a product's columns are cut into panels. They are nearly equally wide: first come those of `vectors`,
/// then those of one vector less, so that no narrow panel is left over.
struct Panels {
  std::int64_t columns;
  std::int64_t depth;  ///< products summed for one element
  int vector;          ///< floats of a vector
  int vectors;         ///< across a wider panel
  std::int64_t count;
  std::int64_t wider;  ///< how many are that wide

  /// The widths that waste least in `set`.
  Panels(const TileSet& set, std::int64_t columns, std::int64_t depth) noexcept;

  int vectors_of(std::int64_t panel) const noexcept { return panel < wider ? vectors : vectors - 1; }
  /// The columns that `panel` has, those that are not stored included.
  std::int64_t width_of(std::int64_t panel) const noexcept {
    return std::int64_t{vector} * vectors_of(panel);
  }
  std::int64_t first_column(std::int64_t panel) const noexcept {
    return vector * (vectors * panel - (panel > wider ? panel - wider : 0));
  }
  std::int64_t columns_of(std::int64_t panel) const noexcept {
    return panel + 1 < count ? width_of(panel) : columns - first_column(panel);
  }
  /// The panel that has a column.
  std::int64_t panel_of(std::int64_t column) const noexcept;

  /// Where a panel begins among the packed floats. The alignment to 64 bytes of the first is that of all
  /// where vectors have 64 bytes.
  std::int64_t first_float(std::int64_t panel) const noexcept { return (depth + 1) * first_column(panel); }
  /// Floats of all panels.
  std::int64_t floats() const noexcept { return first_float(count); }
  /// Where the weight of a column and product lies among the packed floats; the bias is product -1.
  std::int64_t place(std::int64_t column, std::int64_t k) const noexcept;
};

/// What one of several products that share panels has of each of them.
struct PanelPart {
  std::int64_t before;  ///< rows of numbers that the panel has before the product's bias
  std::int64_t depth;   ///< rows of weights behind that
};

/// Writes panels.floats() floats. `weights` are those of a convolution, `columns` filters of `channels` x
/// `taps`; in panels the taps are outside. `bias` may be null.
void pack_panels(const Panels& panels, const float* weights, const float* bias, std::int64_t channels,
                 std::int64_t taps, float* packed) noexcept;

}  // namespace fettle::kernels
