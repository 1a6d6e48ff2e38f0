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

Refusal check_unary(const LayerDesc& layer, DataType from, DataType to) noexcept {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  if (Refusal no = check_dense(x, from); no != Refusal::none) return no;
  if (Refusal no = check_dense(y, to); no != Refusal::none) return no;
  if (!(x.shape == y.shape)) return Refusal::shape;
  return x.format.layout == y.format.layout ? Refusal::none : Refusal::layout;
}

}  // namespace fettle::kernels::xnnpack
