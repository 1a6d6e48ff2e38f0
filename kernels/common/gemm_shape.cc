// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/gemm_shape.h"

namespace fettle::kernels {

GemmShape::GemmShape(const LayerDesc& layer)
    : m(layer.outputs.front().shape[0]),
      n(layer.outputs.front().shape[1]),
      k(layer.inputs.front().shape[1]),
      transposed(layer.main().attributes.integer("transB") != 0),
      alpha(layer.main().attributes.real("alpha", 1)),
      beta(layer.main().attributes.real("beta", 1)) {}

void GemmShape::scaled_bias(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                            float* bias) const {
  const bool biased = layer.inputs.size() > 2;
  const auto* given = biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  const bool single = biased && constants[2].size() == sizeof(float);
  for (std::int64_t i = 0; i < n; ++i) bias[i] = biased ? beta * given[single ? 0 : i] : 0.0f;
}

Refusal check_gemm(const LayerDesc& layer) {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
    }
  }
  if (layer.inputs.size() < 2 || layer.inputs.size() > 3 || layer.outputs.empty()) return Refusal::op;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.integer("transA") != 0) return Refusal::attribute;
  const bool biased = layer.inputs.size() > 2;
  if (layer.inputs[0].constant || !layer.inputs[1].constant || (biased && !layer.inputs[2].constant))
    return Refusal::not_constant;
  const Shape& x = layer.inputs[0].shape;
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = layer.outputs[0].shape;
  if (x.rank() != 2 || w.rank() != 2 || y.rank() != 2) return Refusal::rank;
  const bool transposed = attributes.integer("transB") != 0;
  const bool fits = x.elements() > 0 && y.elements() > 0 && y[0] == x[0] && y[1] == w[transposed ? 0 : 1] &&
                    x[1] == w[transposed ? 1 : 0];
  if (!fits) return Refusal::shape;
  if (!biased) return Refusal::none;
  const Shape& bias = layer.inputs[2].shape;
  const bool bias_fits =
      bias.elements() == 1 || (bias.elements() == y[1] && (bias.rank() == 1 || bias[0] == 1));
  return bias_fits ? Refusal::none : Refusal::shape;
}

}  // namespace fettle::kernels
