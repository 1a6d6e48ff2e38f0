// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a product of matrices, read off its layer: extents, and where each matrix lies.
#pragma once

#include <fettle/kernel.h>

#include <array>
#include <cstdint>
#include <optional>

namespace fettle::kernels {

/// Whether a MatMul's operands or result are transposed.
bool has_transposes(const LayerPart& matmul) noexcept;

/// Elements from one row, column or product of a batch to the next; 0 along an axis that is broadcast.
struct MatrixPlaces {
  std::int64_t row = 0, column = 0;
  std::array<std::int64_t, kMaxRank> batch{};
};

/// Batches of m x k times k x n. Neighbouring batch axes that one step reaches are one, and those of a right
/// operand that all share are rows of the left one.
struct ProductShape {
  std::int64_t m = 1, n = 1, k = 1;
  float alpha = 1;  ///< factor of the product, Gemm's
  int batch_axes = 0;
  std::array<std::int64_t, kMaxRank> batch{};  ///< extents of the batch axes
  MatrixPlaces a, b, y;

  /// Nothing where the layer is no product of matrices, or has operands that broadcasting does not fit.
  static std::optional<ProductShape> of(const LayerDesc& layer) noexcept;

  /// Products in all.
  std::int64_t batches() const noexcept;
  /// Whether all products have the same right operand.
  bool shares_b() const noexcept;
  /// Where the matrix of a product begins.
  std::int64_t offset(const MatrixPlaces& places, std::int64_t product) const noexcept;
};

}  // namespace fettle::kernels
