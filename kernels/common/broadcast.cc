// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/broadcast.h"

namespace fettle::kernels {
namespace {

std::int64_t step_along(const TensorDesc& tensor, int axis, int rank) {
  const int own = axis - (rank - tensor.shape.rank());
  return own < 0 || tensor.shape[own] == 1 ? 0 : tensor.strides[static_cast<std::size_t>(own)];
}

// Makes the last loop run through the next axis as well, where all tensors step on as they do already.
bool merged(Loops& loops, std::int64_t extent, const Loops::Place& step) {
  if (loops.count == 0) return false;
  const std::size_t last = loops.inner();
  if (loops.step_a[last] != step.a * extent || loops.step_b[last] != step.b * extent ||
      loops.step_y[last] != step.y * extent)
    return false;
  loops.extent[last] *= extent;
  loops.step_a[last] = step.a;
  loops.step_b[last] = step.b;
  loops.step_y[last] = step.y;
  return true;
}

}  // namespace

Loops::Place Loops::line(std::int64_t index) const {
  Place place{0, 0, 0};
  for (std::size_t loop = inner(); loop-- > 0;) {
    const std::int64_t at = index % extent[loop];
    index /= extent[loop];
    place.a += at * step_a[loop];
    place.b += at * step_b[loop];
    place.y += at * step_y[loop];
  }
  return place;
}

Loops plan_loops(const LayerDesc& layer) {
  const TensorDesc& a = *layer.operand(0);
  const TensorDesc& b = *layer.operand(1);
  const TensorDesc& y = layer.outputs.front();
  const int rank = y.shape.rank();
  std::array<int, kMaxRank> order{};  // output axes from the outermost in memory
  int axes = 0;
  const bool channels_last = y.format.layout == Layout::nhwc && rank >= 3;
  for (int axis = 0; axis < rank; ++axis) {
    if (!channels_last || axis != 1) order[static_cast<std::size_t>(axes++)] = axis;
  }
  if (channels_last) order[static_cast<std::size_t>(axes++)] = 1;
  Loops loops;
  for (int i = 0; i < axes; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    const std::int64_t extent = y.shape[axis];
    if (extent == 1) continue;
    const Loops::Place step{step_along(a, axis, rank), step_along(b, axis, rank), step_along(y, axis, rank)};
    if (merged(loops, extent, step)) continue;
    const auto next = static_cast<std::size_t>(loops.count++);
    loops.extent[next] = extent;
    loops.step_a[next] = step.a;
    loops.step_b[next] = step.b;
    loops.step_y[next] = step.y;
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

}  // namespace fettle::kernels
