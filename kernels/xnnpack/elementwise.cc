// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/elementwise.h"

namespace fettle::kernels::xnnpack {

std::array<int, kMaxRank> storage_order(int rank, Layout layout) noexcept {
  std::array<int, kMaxRank> order{};
  const bool channels_last = layout == Layout::nhwc && rank >= 3;
  int at = 0;
  for (int axis = 0; axis < rank; ++axis) {
    if (axis != 1 || !channels_last) order[static_cast<std::size_t>(at++)] = axis;
  }
  if (channels_last) order[static_cast<std::size_t>(at)] = 1;
  return order;
}

}  // namespace fettle::kernels::xnnpack
