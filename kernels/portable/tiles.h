// SPDX-License-Identifier: Apache-2.0
//
// Products of matrices in pieces that threads share out.
#pragma once

#include "kernels/portable/eigen.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace fettle::kernels::portable {

/// A product's output in tiles that depend on its shape alone. Threads share out tiles, so the bits are the
/// same however many there are and however the pool cuts the range (a busy one does all of it at once).
struct Tiles {
  std::int64_t m, n, k;
  std::int64_t rows;     // of a tile
  std::int64_t columns;  // of a tile
  std::int64_t across;   // tiles next to each other

  Tiles(std::int64_t m_, std::int64_t n_, std::int64_t k_)
      : m(m_), n(n_), k(k_), rows(32), columns(m_ < 4 ? 64 : 96), across((n_ + columns - 1) / columns) {
    // Tall tiles pack less; short ones leave something to share out where the product is small.
    if ((m + 95) / 96 * across >= 16) rows = 96;
  }
  std::int64_t count() const { return (m + rows - 1) / rows * across; }

  // Multiplies the part of a and b (dense m x k, k x n) that tile `i` needs and returns the tile of y with
  // its first column.
  std::pair<Matrix, std::int64_t> multiply_tile(std::int64_t i, const float* a, const float* b,
                                                float* y) const {
    const std::int64_t row = i / across * rows;
    const std::int64_t column = i % across * columns;
    const std::int64_t height = std::min(rows, m - row);
    const std::int64_t width = std::min(columns, n - column);
    Matrix tile(y + row * n + column, height, width, Stride(n));
    multiply(tile, ConstMatrix(a + row * k, height, k, Stride(k)),
             ConstMatrix(b + column, k, width, Stride(n)));
    return {tile, column};
  }
};

}  // namespace fettle::kernels::portable
