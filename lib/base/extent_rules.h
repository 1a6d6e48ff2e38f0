// SPDX-License-Identifier: Apache-2.0
//
// What the rules of follow_extents are made of.
#pragma once

#include "lib/base/extents.h"

#include <optional>

namespace fettle {

/// An extent, or the most that it can be.
struct Extent {
  std::int64_t most = 0;
  bool bounded = false;
};

inline Extent extent_of(const TensorDesc& tensor, int axis) noexcept {
  return {tensor.shape[axis], is_bounded(tensor, axis)};
}

/// What two extents become that are broadcast; nothing where they cannot fit.
std::optional<Extent> paired(Extent a, Extent b) noexcept;
/// What two extents become that have to be the same.
std::optional<Extent> same(Extent a, Extent b) noexcept;

/// Operators whose results have the shape of their first operand.
bool keeps_operand_shape(Op op) noexcept;
/// Operators whose result has the shape that all operands are broadcast to.
bool broadcasts(Op op) noexcept;

}  // namespace fettle
