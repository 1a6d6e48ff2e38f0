// SPDX-License-Identifier: Apache-2.0
//
// The one function of OpenBLAS that the baseline calls.
#pragma once

#include <cstdint>

namespace fettle::benchmarks {

/// A row-major matrix, or its transpose, in memory.
struct Operand {
  const float* data;
  std::int64_t stride;  ///< elements between stored rows
  bool transposed = false;
};

/// y (m x n, rows `stride` apart) += a (m x k) * b (k x n).
void add_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand a, Operand b, float* y,
                 std::int64_t stride);

}  // namespace fettle::benchmarks
