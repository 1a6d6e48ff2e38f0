// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/epilogue.h"

#include "kernels/common/conv_shape.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/uniform.h"

namespace fettle::kernels {
namespace {

int residual_operand(const LayerDesc& layer) noexcept {
  if (layer.parts.size() < 2) return kNoOperand;
  for (const int operand : layer.parts[1].operands) {
    if (operand >= 0) return operand;
  }
  return kNoOperand;
}

}  // namespace

Epilogue::Epilogue(const LayerDesc& layer) noexcept
    : clamp(clamp_of(layer.parts.front())),
      residual(residual_operand(layer)),
      after_added(clamp_of(layer.parts.back())),
      residual_pitch(residual == kNoOperand ? 0
                                            : pixel_pitch(layer.inputs[static_cast<std::size_t>(residual)])) {
}

Refusal check_nhwc_conv(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_f32(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  return check_second_part(layer);
}

Refusal check_second_part(const LayerDesc& layer) noexcept {
  if (layer.parts.size() < 2) return Refusal::none;
  if (layer.inner.front().shape != layer.outputs.front().shape) return Refusal::shape;
  const LayerPart& second = layer.parts[1];
  if (second.op != Op::add) {
    const bool of_first = second.operands.size() == 1 && second.operands[0] == result_of_part(0);
    return of_first ? check_unary_part(second) : Refusal::op;
  }
  const int residual = residual_operand(layer);
  if (residual == kNoOperand) return Refusal::op;
  const TensorDesc& other = layer.inputs[static_cast<std::size_t>(residual)];
  if (other.constant) return Refusal::constant;
  return other.shape == layer.outputs.front().shape ? Refusal::none : Refusal::shape;
}

}  // namespace fettle::kernels
