// SPDX-License-Identifier: Apache-2.0
#include "lib/runtime/schedule.h"

#include <algorithm>

namespace fettle::runtime {

bool same_memory(const Shape& shape, const Format& a, const Format& b) {
  if (a.type != b.type || a.block != b.block || a.scale != b.scale || a.zero_point != b.zero_point)
    return false;
  if (a.layout == b.layout) return true;
  if (a.layout == Layout::nchwc || b.layout == Layout::nchwc) return false;
  const Strides left = dense_strides(shape, a);
  const Strides right = dense_strides(shape, b);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (shape[axis] > 1 && left[i] != right[i]) return false;
  }
  return true;
}

bool has_bounded(const LayerDesc& layer) {
  const auto bounded = [](const TensorDesc& tensor) { return tensor.bounded != 0; };
  return std::any_of(layer.inputs.begin(), layer.inputs.end(), bounded) ||
         std::any_of(layer.outputs.begin(), layer.outputs.end(), bounded);
}

TensorDesc dense_desc(const Shape& shape, const Format& format, std::uint8_t bounded) {
  TensorDesc desc;
  desc.shape = shape;
  desc.format = format;
  desc.strides = dense_strides(shape, format);
  desc.bounded = bounded;
  return desc;
}

}  // namespace fettle::runtime
