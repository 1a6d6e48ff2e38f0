// SPDX-License-Identifier: Apache-2.0
//
// Products of 8-bit integers with constant weights in panels: how these are packed, and a block of tiles.
// What the input's zero point adds to every sum is part of what sums begin with; what the weights' adds,
// where they are stored in 8 bits around another zero, is a multiple of the sum of each row.
#pragma once

#include "kernels/common/blocking.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/panels.h"
#include "kernels/common/q8/bytes.h"
#include "kernels/common/q8/tile.h"

#include <fettle/kernel.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels {

/// The extents of a product: each column has `depth` weights for each of `taps`.
struct ProductQ8Shape {
  std::int64_t columns, taps, depth;

  std::int64_t groups() const noexcept { return ceil_div(depth, kQ8Group); }
  /// Bytes of the last group that are none of the product's.
  std::int64_t unused() const noexcept { return groups() * kQ8Group - depth; }
};

Panels panels_of_q8(const TileQ8Set& set, const ProductQ8Shape& shape) noexcept;

/// What a tile reads beside its rows.
struct ProductQ8Weights {
  const std::byte* panels;
  const std::int32_t* begin;  ///< for each column, in whole vectors
  const float* scale;         ///< likewise
  /// What the sum of each row's bytes is multiplied by, to be added to its sums (left_of_zero_point): mostly
  /// 0
  int row_factor;
  const std::byte* ones;  ///< a panel whose products are sums of rows
  std::int64_t ones_step;
};

/// Where a kernel's products, all cut alike, lie among its packed bytes: `before` bytes of something else,
/// then the panels of each, what sums begin with, the multipliers, and where rows are summed a panel of ones.
class PackedQ8Products {
 public:
  PackedQ8Products(const TileQ8Set& set, const Panels& panels, const ProductQ8Shape& shape,
                   const LayerDesc& layer, std::int64_t products, std::int64_t before) noexcept;

  std::size_t bytes() const noexcept { return static_cast<std::size_t>(ones_ + ones_bytes_); }
  ProductQ8Weights weights(const std::byte* packed, std::int64_t product) const noexcept;

  /// Packs the weights of a column and returns their sum. element_of(tap, channel) says where among the
  /// layer's weights each stands. All packed bytes must have begun as zeros.
  template <typename ElementOf>
  std::int64_t pack_weights(const TileQ8Set& set, const Panels& panels, const ProductQ8Shape& shape,
                            const LayerDesc& layer, std::span<const ConstantBytes> constants,
                            std::int64_t product, std::int64_t column, std::span<std::byte> packed,
                            ElementOf&& element_of) const {
    std::int64_t sum = 0;
    for (std::int64_t tap = 0; tap < shape.taps; ++tap) {
      for (std::int64_t c = 0; c < shape.depth; ++c) {
        const int steps = steps_of(layer, constants, element_of(tap, c));
        put_weight(set, panels, packed.data() + panels_at(product), column,
                   tap * shape.groups() * kQ8Group + c, steps - row_factor_);
        sum += steps;
      }
    }
    return sum;
  }

  /// Packs product `product` of a layer with x, weights, bias and perhaps scales (multiplier_of), whose
  /// columns are the output channels from `first` on. element_of(column, tap, channel) as above.
  template <typename ElementOf>
  void pack(const TileQ8Set& set, const Panels& panels, const ProductQ8Shape& shape, const LayerDesc& layer,
            std::span<const ConstantBytes> constants, std::int64_t product, std::int64_t first,
            std::span<std::byte> packed, ElementOf&& element_of) const {
    for (std::int64_t column = 0; column < shape.columns; ++column) {
      const std::int64_t sum =
          pack_weights(set, panels, shape, layer, constants, product, column, packed,
                       [&](std::int64_t tap, std::int64_t c) { return element_of(column, tap, c); });
      finish_column(set, layer, constants, product, first, column, sum, packed);
    }
    pack_ones(set, shape, packed);
  }

  /// Packs the panel of ones, where there is one.
  void pack_ones(const TileQ8Set& set, const ProductQ8Shape& shape,
                 std::span<std::byte> packed) const noexcept;

 private:
  static int steps_of(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                      std::int64_t element) noexcept;
  static void put_weight(const TileQ8Set& set, const Panels& panels, std::byte* target, std::int64_t column,
                         std::int64_t row, int value) noexcept;
  void finish_column(const TileQ8Set& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::int64_t product, std::int64_t first, std::int64_t column, std::int64_t sum,
                     std::span<std::byte> packed) const noexcept;
  std::int64_t panels_at(std::int64_t product) const noexcept { return before_ + product * each_panels_; }

  std::int64_t before_, each_panels_, columns_, begins_, scales_, ones_;
  int row_factor_;
  std::int64_t ones_bytes_ = 0, ones_step_ = 0;
};

/// What all tiles of a layer's products have in common. A tile starts as a copy of it.
TileQ8 tile_of_q8(const TileQ8Set& set, const LayerDesc& layer, const ProductQ8Shape& shape) noexcept;

/// What the weights' zero point adds to each row of a tile.
class RowOffsets {
 public:
  /// The tile has its rows; it gets its offsets, which are part of this.
  RowOffsets(const TileQ8Set& set, const ProductQ8Weights& weights, int rows, TileQ8& tile) noexcept;

 private:
  std::array<std::int32_t, kMostQ8Rows> offsets_;
};

/// Computes panels of a block; `tile` has its rows and offsets, and points at the first row of the first
/// column of all.
void multiply_q8_panels(const TileQ8Set& set, const Panels& panels, const ProductQ8Weights& weights,
                        const Block& block, TileQ8& tile) noexcept;

/// Computes a block: offsets too.
inline void multiply_q8(const TileQ8Set& set, const Panels& panels, const ProductQ8Weights& weights,
                        const Block& block, TileQ8& tile) noexcept {
  const RowOffsets offsets(set, weights, block.rows, tile);
  multiply_q8_panels(set, panels, weights, block, tile);
}

/// The same for those who go on with tile.sums: calls finish(first column, columns) after each panel.
template <typename Finish>
void multiply_q8_sums(const TileQ8Set& set, const Panels& panels, const ProductQ8Weights& weights,
                      const Block& block, TileQ8& tile, Finish&& finish) noexcept {
  const RowOffsets offsets(set, weights, block.rows, tile);
  Block one = block;
  for (std::int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    one.first_panel = panel;
    one.last_panel = panel + 1;
    multiply_q8_panels(set, panels, weights, one, tile);
    finish(panels.first_column(panel), panels.columns_of(panel));
  }
}

}  // namespace fettle::kernels
