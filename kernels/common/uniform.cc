// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/uniform.h"

#include <limits>

namespace fettle::kernels {

bool is_plain_f32(const TensorDesc& tensor) noexcept {
  return tensor.format.type == DataType::f32 && tensor.format.scale == 0;
}

Layout layout_of(const LayerDesc& layer) noexcept {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (!tensor.constant && tensor.shape.rank() >= 3) return tensor.format.layout;
    }
  }
  return Layout::nchw;
}

Refusal uniform_f32(const LayerDesc& layer) noexcept {
  const Layout layout = layout_of(layer);
  if (layout == Layout::nchwc) return Refusal::layout;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (!is_plain_f32(tensor)) return Refusal::data_type;
      if (!tensor.constant && tensor.shape.rank() >= 3 && tensor.format.layout != layout)
        return Refusal::layout;
    }
  }
  return Refusal::none;
}

Clamp clamp_of(const LayerPart& part) noexcept {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return part.clamp.value_or(Clamp{-kInfinity, kInfinity});
}

Clamp clamp_of(const LayerDesc& layer) noexcept { return clamp_of(layer.parts.back()); }

}  // namespace fettle::kernels
