// SPDX-License-Identifier: Apache-2.0
//
// Weights of a matrix product in panels: as many columns as a tile is wide, with all weights in the order in
// which the tile reads them. What belongs to a column, its bias and its scale, lies elsewhere: products that
// share panels have their own.
#pragma once

#include "kernels/common/ceil_div.h"
#include "kernels/common/tile.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// How columns are cut into panels, and which of them a product uses. They are nearly equally wide: first
/// come those of `vectors`, then those of one vector less, so that no narrow panel is left over.
struct Panels {
  std::int64_t columns;         ///< of the product: the first of those that are packed
  std::int64_t depth;           ///< products summed for one element of it
  std::int64_t packed_columns;  ///< of all panels
  std::int64_t packed_depth;    ///< rows of weights in a panel
  int vector;                   ///< floats of a vector
  int vectors;                  ///< across a wider panel
  std::int64_t count;           ///< of those that the product uses
  std::int64_t packed_count;    ///< of all
  std::int64_t wider;           ///< how many are that wide

  /// The widths that waste least in `set`; all is used.
  Panels(const TileSet& set, std::int64_t columns, std::int64_t depth) noexcept;

  /// The same for vectors of `lanes` elements, with at most so many across.
  Panels(int lanes, int most_vectors, std::int64_t columns, std::int64_t depth) noexcept;

  /// The same panels for a product that has fewer columns, and sums fewer of the rows of weights for each:
  /// whole panels, but of the last one perhaps a part. Which rows these are its tiles say.
  Panels part(std::int64_t used_columns, std::int64_t used_depth) const noexcept;

  int vectors_of(std::int64_t panel) const noexcept { return panel < wider ? vectors : vectors - 1; }
  /// How many of these have columns of the product.
  int used_vectors_of(std::int64_t panel) const noexcept {
    return panel + 1 < count ? vectors_of(panel) : static_cast<int>(ceil_div(columns_of(panel), vector));
  }
  /// Floats from one row of weights to the next: the columns that `panel` has, those that nobody stores
  /// included.
  std::int64_t width_of(std::int64_t panel) const noexcept {
    return std::int64_t{vector} * vectors_of(panel);
  }
  std::int64_t first_column(std::int64_t panel) const noexcept {
    return vector * (vectors * panel - (panel > wider ? panel - wider : 0));
  }
  /// Columns of the product.
  std::int64_t columns_of(std::int64_t panel) const noexcept {
    return panel + 1 < count ? width_of(panel) : columns - first_column(panel);
  }
  /// The panel that has a column.
  std::int64_t panel_of(std::int64_t column) const noexcept;

  /// Where a panel begins among the packed floats. The alignment to 64 bytes of the first is that of all
  /// where vectors have 64 bytes.
  std::int64_t first_float(std::int64_t panel) const noexcept { return packed_depth * first_column(panel); }
  /// Floats of all panels.
  std::int64_t floats() const noexcept { return first_float(packed_count); }
  /// Floats that the product reads, about.
  std::int64_t used_floats() const noexcept { return depth * first_column(count); }
  /// Whether it reads them from one end to the other, but for the last panel.
  bool uses_all_rows() const noexcept { return depth == packed_depth; }
  /// Floats of a number for each packed column, in whole vectors.
  std::int64_t padded_columns() const noexcept { return first_column(packed_count); }
  /// Where the weight of a column and row lies among the packed floats.
  std::int64_t place(std::int64_t column, std::int64_t row) const noexcept;
};

/// What a product reads beside its input. Each may be another's: products share panels, and one that uses a
/// part of them has a bias of its own.
struct ProductWeights {
  const void* panels;            ///< of the type that the tiles read
  const float* bias;             ///< a number for each column, in whole vectors
  const float* scale = nullptr;  ///< likewise; null: 1
  std::int64_t first_row = 0;    ///< of each panel, the product's first row of weights
};

/// How panels store their weights: in how many bytes each, and whether each column has a scale, by which its
/// sum is multiplied.
struct StoredWeights {
  std::size_t bytes = sizeof(float);
  bool scaled = false;
};

/// Where a kernel's products, all cut alike, lie among its packed floats: `before` floats of something else,
/// the panels of each product, then the biases of each, and the scales of each where weights have them.
/// Panels of less than 32 bits for each weight take whole cache lines.
class PackedProducts {
 public:
  explicit PackedProducts(const Panels& panels, std::int64_t products = 1, std::int64_t before = 0,
                          StoredWeights stored = {}) noexcept
      : panels_(before),
        each_panels_(stored.bytes == sizeof(float) ? panels.floats() : lines_of(panels, stored.bytes)),
        bias_(before + products * each_panels_),
        each_bias_(panels.padded_columns()),
        scale_(bias_ + products * each_bias_),
        scaled_(stored.scaled),
        floats_(scale_ + (scaled_ ? products * each_bias_ : 0)) {}

  std::int64_t floats() const noexcept { return floats_; }
  float* panels(float* packed, std::int64_t product = 0) const noexcept {
    return packed + panels_ + product * each_panels_;
  }
  float* bias(float* packed, std::int64_t product = 0) const noexcept {
    return packed + bias_ + product * each_bias_;
  }
  float* scale(float* packed, std::int64_t product = 0) const noexcept {
    return scaled_ ? packed + scale_ + product * each_bias_ : nullptr;
  }
  ProductWeights weights(const float* packed, std::int64_t product = 0) const noexcept {
    return {packed + panels_ + product * each_panels_, packed + bias_ + product * each_bias_,
            scaled_ ? packed + scale_ + product * each_bias_ : nullptr};
  }

 private:
  static std::int64_t lines_of(const Panels& panels, std::size_t weight_bytes) noexcept {
    constexpr std::int64_t kLine = 64;
    const std::int64_t bytes = panels.floats() * static_cast<std::int64_t>(weight_bytes);
    return ceil_div(bytes, kLine) * (kLine / static_cast<std::int64_t>(sizeof(float)));
  }

  std::int64_t panels_, each_panels_;
  std::int64_t bias_, each_bias_;
  std::int64_t scale_;
  bool scaled_;
  std::int64_t floats_;
};

/// Writes panels.floats() floats. `weights` are those of a convolution, a filter of `channels` x `taps` for
/// each packed column; in panels the taps are outside.
void pack_panels(const Panels& panels, const float* weights, std::int64_t channels, std::int64_t taps,
                 float* packed) noexcept;

/// Writes panels.padded_columns() floats: a number for each packed column, and zeros behind them. `numbers`
/// may be null: all are zeros.
void pack_columns(const Panels& panels, const float* numbers, float* packed) noexcept;

}  // namespace fettle::kernels
