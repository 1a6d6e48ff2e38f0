// SPDX-License-Identifier: Apache-2.0
//
// Weights of a matrix product in panels: as many columns as a tile is wide, with everything that the tile
// reads in the order in which it reads it.
#pragma once

#include "kernels/common/tile.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// How a product's columns are cut into panels. All are `vectors` wide, but the last, which has as many
/// vectors as it needs.
struct Panels {
  std::int64_t columns;
  std::int64_t depth;  ///< products summed for one element
  int vector;          ///< floats of a vector
  int vectors;         ///< across a panel
  int last_vectors;    ///< across the last one
  std::int64_t count;

  /// The width that wastes least in `set`.
  Panels(const TileSet& set, std::int64_t columns, std::int64_t depth) noexcept;

  std::int64_t width() const noexcept { return std::int64_t{vector} * vectors; }
  std::int64_t floats_each() const noexcept { return (depth + 1) * width(); }
  /// Floats of all panels; 64-byte alignment of the first is that of all where vectors have 64 bytes.
  std::int64_t floats() const noexcept {
    return (count - 1) * floats_each() + (depth + 1) * last_vectors * vector;
  }
  int vectors_of(std::int64_t panel) const noexcept { return panel + 1 < count ? vectors : last_vectors; }
  std::int64_t columns_of(std::int64_t panel) const noexcept {
    return panel + 1 < count ? width() : columns - panel * width();
  }
  /// Where the weight of a column and product lies among the packed floats; the bias is product -1.
  std::int64_t place(std::int64_t column, std::int64_t k) const noexcept;
};

/// Writes panels.floats() floats. `weights` are those of a convolution, `columns` filters of `channels` x
/// `taps`; in panels the taps are outside. `bias` may be null.
void pack_panels(const Panels& panels, const float* weights, const float* bias, std::int64_t channels,
                 std::int64_t taps, float* packed) noexcept;

}  // namespace fettle::kernels
