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

namespace fettle::kernels::portable {

using Storage = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;
using Matrix = Eigen::Map<Storage, Eigen::Unaligned, Stride>;
using ConstMatrix = Eigen::Map<const Storage, Eigen::Unaligned, Stride>;
using ConstRow = Eigen::Map<const Eigen::RowVectorXf>;
using ConstColumn = Eigen::Map<const Eigen::VectorXf>;

/// y = a b, or y += a b. Functions, and no templates, since each of Eigen's products takes seconds to
/// compile.
void multiply(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate = false);
/// The same with b transposed, and with a transposed.
void multiply_nt(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate = false);
void multiply_tn(Matrix y, const ConstMatrix& a, const ConstMatrix& b, bool accumulate = false);

}  // namespace fettle::kernels::portable
