// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/eigen.h"

#include <algorithm>

namespace fettle::kernels::portable {
namespace {

// In tiles so small that Eigen's packed blocks stay on the stack (under 128 KiB each): larger ones it would
// allocate, which a running network must not.
template <typename Left, typename Right>
void multiply_tiles(Matrix& y, const Left& a, const Right& b, bool accumulate) {
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

}  // namespace

void multiply(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate) {
  multiply_tiles(y, a, b, accumulate);
}
void multiply_nt(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate) {
  multiply_tiles(y, a, b.transpose(), accumulate);
}
void multiply_tn(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate) {
  multiply_tiles(y, a.transpose(), b, accumulate);
}

}  // namespace fettle::kernels::portable
