// SPDX-License-Identifier: Apache-2.0
//
// Eigen as these kernels use it: maps of row-major matrices over memory that the arena owns. Eigen never
// starts threads.
#pragma once

#include <cstdint>

#define EIGEN_DONT_PARALLELIZE
// The same on every target: extents are std::int64_t throughout.
#define EIGEN_DEFAULT_DENSE_INDEX_TYPE std::int64_t
#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG
#endif
#include <Eigen/Core>

#include <algorithm>

namespace fettle::kernels::portable {

using Storage = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;
using Matrix = Eigen::Map<Storage, Eigen::Unaligned, Stride>;
using ConstMatrix = Eigen::Map<const Storage, Eigen::Unaligned, Stride>;
using ConstRow = Eigen::Map<const Eigen::RowVectorXf>;
using ConstColumn = Eigen::Map<const Eigen::VectorXf>;

/// y = a b, or y += a b, in tiles so small that Eigen's packed blocks stay on the stack (under 128 KiB each):
/// larger ones it would allocate, which a running network must not. a and b are each a ConstMatrix, or the
/// transpose of one.
template <typename Left, typename Right>
void multiply(Matrix y, const Left& a, const Right& b, bool accumulate = false) {
  constexpr Eigen::Index kRows = 96;
  constexpr Eigen::Index kDepth = 256;
  constexpr Eigen::Index kColumns = 96;
  for (Eigen::Index k = 0; k < a.cols(); k += kDepth) {
    const Eigen::Index depth = std::min(kDepth, a.cols() - k);
    for (Eigen::Index n = 0; n < b.cols(); n += kColumns) {
      const Eigen::Index columns = std::min(kColumns, b.cols() - n);
      for (Eigen::Index m = 0; m < a.rows(); m += kRows) {
        const Eigen::Index rows = std::min(kRows, a.rows() - m);
        const auto product = a.block(m, k, rows, depth) * b.block(k, n, depth, columns);
        if (k == 0 && !accumulate)
          y.block(m, n, rows, columns).noalias() = product;
        else
          y.block(m, n, rows, columns).noalias() += product;
      }
    }
  }
}

}  // namespace fettle::kernels::portable
