// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/loops.h"

namespace fettle::kernels::portable {
namespace {

std::int64_t step_along(const TensorDesc& tensor, int axis, int rank, Layout layout) {
  const int own = axis - (rank - tensor.shape.rank());
  if (own < 0 || tensor.shape[own] == 1) return 0;
  // A constant lies row-major whatever the layout of the layer.
  Format format = tensor.format;
  if (!tensor.constant && tensor.shape.rank() >= 3) format.layout = layout;
  return dense_strides(tensor.shape, format)[static_cast<std::size_t>(own)];
}

}  // namespace

Loops plan_loops(const LayerDesc& layer) {
  const TensorDesc& y = layer.outputs.front();
  const int rank = y.shape.rank();
  const Layout layout = layout_of(layer);
  std::array<int, kMaxRank> order{};  // output axes from the outermost in memory
  int axes = 0;
  const bool channels_last = layout == Layout::nhwc && rank >= 3;
  for (int axis = 0; axis < rank; ++axis) {
    if (!channels_last || axis != 1) order[static_cast<std::size_t>(axes++)] = axis;
  }
  if (channels_last) order[static_cast<std::size_t>(axes++)] = 1;
  Loops loops;
  for (int i = 0; i < axes; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    if (y.shape[axis] == 1) continue;
    const std::int64_t a = step_along(layer.inputs[0], axis, rank, layout);
    const std::int64_t b = step_along(layer.inputs[1], axis, rank, layout);
    if (loops.count > 0) {
      const auto last = static_cast<std::size_t>(loops.count - 1);
      if (loops.step_a[last] == a * y.shape[axis] && loops.step_b[last] == b * y.shape[axis]) {
        loops.extent[last] *= y.shape[axis];
        loops.step_a[last] = a;
        loops.step_b[last] = b;
        continue;
      }
    }
    const auto next = static_cast<std::size_t>(loops.count++);
    loops.extent[next] = y.shape[axis];
    loops.step_a[next] = a;
    loops.step_b[next] = b;
  }
  return loops;
}

bool ranks_fit(const LayerDesc& layer, Layout layout) {
  if (layout == Layout::nchw) return true;
  const int rank = layer.outputs.front().shape.rank();
  return std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](const TensorDesc& x) {
    return x.constant || x.shape.rank() == rank || x.shape.elements() == 1;
  });
}

}  // namespace fettle::kernels::portable
