// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked.h"

namespace fettle::kernels {
namespace {

bool is_plain_f32(const TensorDesc& tensor) noexcept {
  return tensor.format.type == DataType::f32 && tensor.format.scale == 0;
}

Refusal check_tensor(const TensorDesc& tensor, int block) noexcept {
  if (!is_plain_f32(tensor)) return Refusal::data_type;
  if (tensor.shape.rank() != 3 && tensor.shape.rank() != 4) return Refusal::rank;
  return tensor.format.layout == Layout::nchwc && tensor.format.block == block ? Refusal::none
                                                                               : Refusal::layout;
}

}  // namespace

Refusal check_blocked_f32(const LayerDesc& layer, int block) noexcept {
  for (const TensorDesc& tensor : layer.inputs) {
    if (tensor.constant && is_plain_f32(tensor)) continue;
    if (const Refusal refusal = check_tensor(tensor, block); refusal != Refusal::none) return refusal;
  }
  for (const TensorDesc& tensor : layer.outputs) {
    if (const Refusal refusal = check_tensor(tensor, block); refusal != Refusal::none) return refusal;
  }
  return Refusal::none;
}

bool clamp_keeps_padding(const LayerDesc& layer) noexcept {
  const TensorDesc& y = layer.outputs.front();
  const std::optional<Clamp>& clamp = layer.parts.back().clamp;
  return !clamp || y.shape[1] % y.format.block == 0 || (clamp->low <= 0 && clamp->high >= 0);
}

}  // namespace fettle::kernels
