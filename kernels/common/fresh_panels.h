// SPDX-License-Identifier: Apache-2.0
//
// Panels of a right operand that is computed while the network runs (packing on the fly).
#pragma once

#include "kernels/common/convert.h"
#include "kernels/common/panels.h"

#include <cstdint>

namespace fettle::kernels {

/// A matrix of `panels.packed_depth` rows and `panels.columns` columns, where one of both steps is 1.
struct FreshMatrix {
  const float* first;
  std::int64_t row, column;  ///< floats from one to the next
};

/// Writes one panel of a matrix to its place among all panels' floats.
void pack_fresh_panel(const ConvertSet& set, const Panels& panels, const FreshMatrix& matrix,
                      std::int64_t panel, float* packed) noexcept;

}  // namespace fettle::kernels
