// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked.h"

#include "kernels/common/uniform.h"

#include <algorithm>
#include <cstddef>

namespace fettle::kernels {
namespace {

Refusal check_tensor(const TensorDesc& tensor, int block) noexcept {
  if (!is_plain_f32(tensor)) return Refusal::data_type;
  if (tensor.shape.rank() != 3 && tensor.shape.rank() != 4) return Refusal::rank;
  const bool fits = tensor.format.layout == Layout::nchwc && tensor.format.block == block && block > 0;
  return fits ? Refusal::none : Refusal::layout;
}

bool holds_zero(float low, float high) noexcept { return low <= 0 && high >= 0; }

bool zero_of_zeros(const LayerPart& part, const LayerDesc& layer) noexcept {
  if (part.clamp && !holds_zero(part.clamp->low, part.clamp->high)) return false;
  switch (part.op) {
    case Op::conv:  // its weights are filled up with zeros, too
    case Op::leaky_relu:
    case Op::elu:
    case Op::hard_swish:
    case Op::swish:
    case Op::tanh:
    case Op::erf:
    case Op::gelu:
    case Op::sqrt:
    case Op::abs:
    case Op::neg:
      return true;
    case Op::clamp:
      return holds_zero(part.attributes.real("min"), part.attributes.real("max"));
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::min:
    case Op::max:
    case Op::prelu:
      return std::none_of(part.operands.begin(), part.operands.end(), [&](int operand) {
        return operand >= 0 && layer.inputs[static_cast<std::size_t>(operand)].constant;
      });
    default:
      return false;
  }
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

bool keeps_padding(const LayerDesc& layer) noexcept {
  const TensorDesc& y = layer.outputs.front();
  return y.shape[1] % y.format.block == 0 ||
         std::all_of(layer.parts.begin(), layer.parts.end(),
                     [&](const LayerPart& part) { return zero_of_zeros(part, layer); });
}

}  // namespace fettle::kernels
