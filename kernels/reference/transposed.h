// SPDX-License-Identifier: Apache-2.0
//
// Operands and results whose transposes passes have folded into a layer, as its operator sees them.
#pragma once

#include "kernels/reference/numbers.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels::reference {

/// Where the element `at` of a transposed tensor lies in the one that was given.
inline Index before_transpose(const Index& at, std::span<const std::int64_t> perm) {
  if (perm.empty()) return at;
  Index from{};
  for (std::size_t axis = 0; axis < perm.size(); ++axis)
    from[static_cast<std::size_t>(perm[axis])] = at[axis];
  return from;
}

/// Where it lies in the transposed tensor.
inline Index after_transpose(const Index& at, std::span<const std::int64_t> perm) {
  if (perm.empty()) return at;
  Index to{};
  for (std::size_t axis = 0; axis < perm.size(); ++axis) to[axis] = at[static_cast<std::size_t>(perm[axis])];
  return to;
}

/// The same tensor with its axes in another order.
template <typename View>
class Transposed {
 public:
  Transposed(const View& view, std::span<const std::int64_t> perm) : view_(view), perm_(perm) {
    for (int axis = 0; axis < view.rank(); ++axis)
      shape_.push_back(
          view.extent(perm.empty() ? axis : static_cast<int>(perm[static_cast<std::size_t>(axis)])));
  }
  int rank() const { return shape_.rank(); }
  const Shape& shape() const { return shape_; }
  std::int64_t extent(int axis) const { return shape_[axis]; }
  auto operator[](const Index& at) const { return view_[before_transpose(at, perm_)]; }

 private:
  View view_;
  std::span<const std::int64_t> perm_;
  Shape shape_;
};

}  // namespace fettle::kernels::reference
