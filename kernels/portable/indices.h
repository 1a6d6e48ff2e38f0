// SPDX-License-Identifier: Apache-2.0
//
// What kernels that read or write where integers say have in common.
#pragma once

#include "kernels/portable/portable.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fettle::kernels::portable {

/// Integers of either type that an operand holds.
class Indices {
 public:
  Indices(const Call& call, std::size_t operand)
      : data_(call.inputs[operand]), wide_(call.layer.inputs[operand].format.type == DataType::s64) {}
  /// Counted from the end where negative; what lies outside of the axis is clamped to it.
  std::int64_t inside(std::int64_t at, std::int64_t extent) const {
    const std::int64_t index = wide_ ? static_cast<const std::int64_t*>(data_)[at]
                                     : std::int64_t{static_cast<const std::int32_t*>(data_)[at]};
    return std::clamp<std::int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
  }

 private:
  const void* data_;
  bool wide_;
};

/// The product of the extents of axes [first, last).
inline std::int64_t extent_of(const Shape& shape, int first, int last) {
  std::int64_t extent = 1;
  for (int axis = first; axis < last; ++axis) extent *= shape[axis];
  return extent;
}

/// Copies a line; single elements are moved without a call.
inline void copy_bytes(std::byte* to, const std::byte* from, std::int64_t bytes) {
  switch (bytes) {
    case 1:
      *to = *from;
      return;
    case 4:
      std::memcpy(to, from, 4);
      return;
    case 8:
      std::memcpy(to, from, 8);
      return;
    default:
      std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

/// Whether operand 1 holds indices, operand 0 and the result have one type whose elements have a size, and
/// all lie densely in ONNX order.
inline Refusal check_indexed(const LayerDesc& layer) {
  if (layer.main().clamp) return Refusal::clamp;
  const DataType index = layer.inputs[1].format.type;
  if (index != DataType::s64 && index != DataType::s32) return Refusal::data_type;
  const DataType type = layer.inputs[0].format.type;
  if (type != layer.outputs[0].format.type || size_of(type) == 0) return Refusal::data_type;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.layout != Layout::nchw) return Refusal::layout;
    }
  }
  // No place of an axis without any.
  const bool some = layer.outputs[0].shape.elements() > 0 && layer.inputs[0].shape.elements() > 0;
  return some ? Refusal::none : Refusal::shape;
}

}  // namespace fettle::kernels::portable
