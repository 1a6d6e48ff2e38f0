// SPDX-License-Identifier: Apache-2.0
//
// Where a tensor's elements lie, in ONNX order, whatever its format and strides.
#pragma once

#include <fettle/layer.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::tuner {

/// Calls body(number of the element in ONNX order, its place), both in elements.
template <typename Body>
void for_each_place(const TensorDesc& desc, Body&& body) {
  const std::int64_t count = desc.shape.elements();
  std::int64_t index[kMaxRank] = {};
  const bool blocked = desc.format.layout == Layout::nchwc;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t place = blocked ? index[1] % desc.format.block : 0;
    for (int axis = 0; axis < desc.shape.rank(); ++axis) {
      const std::int64_t at = blocked && axis == 1 ? index[1] / desc.format.block : index[axis];
      place += at * desc.strides[static_cast<std::size_t>(axis)];
    }
    body(i, place);
    for (int axis = desc.shape.rank(); axis-- > 0;) {
      if (++index[axis] < desc.shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/// Calls body(element) for each f32 element, in any order: it may be changed.
template <typename Body>
void for_each_real(const TensorDesc& desc, float* data, Body&& body) {
  if (desc.dense() && desc.format.layout != Layout::nchwc) {
    for (float& value : std::span(data, static_cast<std::size_t>(desc.shape.elements()))) body(value);
  } else {
    for_each_place(desc, [&](std::int64_t, std::int64_t place) { body(data[place]); });
  }
}

}  // namespace fettle::tuner
