// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/panels.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

std::int64_t vectors_for(std::int64_t columns, int vector) noexcept {
  return (columns + vector - 1) / vector;
}

// Three vectors across load least for each multiplication, but leave a narrow panel over unless they divide
// the columns; then two do better.
int best_width(const TileSet& set, std::int64_t columns) noexcept {
  const std::int64_t needed = vectors_for(columns, set.vector);
  if (set.most_rows[2] > 0 && needed % 3 == 0 && needed % 2 != 0) return 3;
  return needed == 1 ? 1 : 2;
}

}  // namespace

Panels::Panels(const TileSet& set, std::int64_t columns_, std::int64_t depth_) noexcept
    : columns(columns_),
      depth(depth_),
      vector(set.vector),
      vectors(best_width(set, columns_)),
      count((columns + width() - 1) / width()) {
  last_vectors = static_cast<int>(vectors_for(columns - (count - 1) * width(), vector));
}

std::int64_t Panels::place(std::int64_t column, std::int64_t k) const noexcept {
  const std::int64_t panel = column / width();
  return panel * floats_each() + (k + 1) * vectors_of(panel) * vector + column % width();
}

void pack_panels(const Panels& panels, const float* weights, const float* bias, std::int64_t channels,
                 std::int64_t taps, float* packed) noexcept {
  for (std::int64_t panel = 0; panel < panels.count; ++panel) {
    const std::int64_t first = panel * panels.width();
    const std::int64_t used = panels.columns_of(panel);
    const std::int64_t width = std::int64_t{panels.vectors_of(panel)} * panels.vector;
    for (std::int64_t j = 0; j < width; ++j) packed[j] = bias != nullptr && j < used ? bias[first + j] : 0.0f;
    packed += width;
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

}  // namespace fettle::kernels
