// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/nhwc.h"

#include "kernels/common/uniform.h"

namespace fettle::kernels {
namespace {

Refusal check_tensor(const TensorDesc& tensor) noexcept {
  if (!is_plain_f32(tensor)) return Refusal::data_type;
  if (tensor.constant) return Refusal::none;
  if (tensor.shape.rank() != 3 && tensor.shape.rank() != 4) return Refusal::rank;
  return tensor.format.layout == Layout::nhwc ? Refusal::none : Refusal::layout;
}

}  // namespace

std::int64_t pixel_pitch(const TensorDesc& tensor) noexcept {
  std::int64_t pixels = 1;
  for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
    if (axis == 1) continue;
    if (tensor.shape[axis] > 1) return tensor.strides[static_cast<std::size_t>(axis)] / pixels;
    pixels *= tensor.shape[axis];
  }
  return tensor.shape[1];
}

std::int64_t pixel_distance(const TensorDesc& tensor) noexcept {
  return tensor.format.layout == Layout::nchwc ? tensor.format.block : pixel_pitch(tensor);
}

std::int64_t pixels_of(const Shape& shape) noexcept {
  std::int64_t pixels = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) pixels *= shape[axis];
  return pixels;
}

Refusal check_nhwc_f32(const LayerDesc& layer) noexcept {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (const Refusal refusal = check_tensor(tensor); refusal != Refusal::none) return refusal;
    }
  }
  return Refusal::none;
}

}  // namespace fettle::kernels
