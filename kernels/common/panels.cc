// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/panels.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// Where two vectors across are usual, three are used where they leave no narrower panel over and two would.
int widest(const TileSet& set, std::int64_t needed) noexcept {
  const bool three = set.usual_vectors == 2 && set.most_rows[2] > 0 && needed % 3 == 0 && needed % 2 != 0;
  return three ? 3 : set.usual_vectors;
}

}  // namespace

Panels::Panels(const TileSet& set, std::int64_t columns_, std::int64_t depth_) noexcept
    : Panels(set.vector, widest(set, ceil_div(columns_, set.vector)), columns_, depth_) {}

Panels::Panels(int lanes, int most_vectors, std::int64_t columns_, std::int64_t depth_) noexcept
    : columns(columns_), depth(depth_), packed_columns(columns_), packed_depth(depth_), vector(lanes) {
  const std::int64_t needed = ceil_div(columns, vector);
  count = packed_count = ceil_div(needed, most_vectors);
  vectors = static_cast<int>(ceil_div(needed, count));
  wider = needed - count * (vectors - 1);
}

Panels Panels::part(std::int64_t used_columns, std::int64_t used_depth) const noexcept {
  Panels panels = *this;
  panels.columns = used_columns;
  panels.depth = used_depth;
  panels.count = panel_of(used_columns - 1) + 1;
  return panels;
}

std::int64_t Panels::panel_of(std::int64_t column) const noexcept {
  const std::int64_t in_wider = wider * vectors * vector;
  if (column < in_wider) return column / (vectors * vector);
  return wider + (column - in_wider) / ((vectors - 1) * vector);
}

std::int64_t Panels::place(std::int64_t column, std::int64_t row) const noexcept {
  const std::int64_t panel = panel_of(column);
  return first_float(panel) + row * width_of(panel) + column - first_column(panel);
}

void pack_panels(const Panels& panels, const float* weights, std::int64_t channels, std::int64_t taps,
                 float* packed) noexcept {
  for (std::int64_t panel = 0; panel < panels.packed_count; ++panel) {
    const std::int64_t first = panels.first_column(panel);
    const std::int64_t width = panels.width_of(panel);
    const std::int64_t used = std::min(width, panels.packed_columns - first);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t t = 0; t < taps; ++t) {
        float* row = packed + (t * channels + c) * width;
        const float* from = weights + (first * channels + c) * taps + t;
        for (std::int64_t j = 0; j < used; ++j) row[j] = from[j * channels * taps];
        std::fill(row + used, row + width, 0.0f);
      }
    }
    packed += channels * taps * width;
  }
}

void pack_columns(const Panels& panels, const float* numbers, float* packed) noexcept {
  const std::int64_t there = numbers == nullptr ? 0 : panels.packed_columns;
  std::fill_n(std::copy_n(numbers, there, packed), panels.padded_columns() - there, 0.0f);
}

}  // namespace fettle::kernels
