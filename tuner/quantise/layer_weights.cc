// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/layer_weights.h"

#include <fettle/quantisation.h>

namespace fettle::tuner {
bool has_weights(const LayerInfo& layer) {
  const Op op = layer.desc.main().op;
  return (op == Op::conv || op == Op::gemm || op == Op::matmul) && has_integer_form(layer.desc);
}

LayerWeights weights_of(const Model& model, std::size_t index) {
  LayerWeights weights;
  const LayerInfo& layer = model.layers()[index];
  weights.layer = &layer;
  const LayerPart& part = layer.desc.main();
  const auto operand = static_cast<std::size_t>(part.operands[1]);
  const ConstantBytes bytes = model.constants(index)[operand];
  weights.values = {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  if (part.operands.size() > 2 && part.operands[2] >= 0) {
    const ConstantBytes bias = model.constants(index)[static_cast<std::size_t>(part.operands[2])];
    weights.bias = {reinterpret_cast<const float*>(bias.data()), bias.size() / sizeof(float)};
  }
  const Shape& shape = layer.desc.inputs[operand].shape;
  if (part.op == Op::conv) {
    weights.outputs = shape[0];
    weights.inputs = shape[1];
    weights.groups = part.attributes.integer("group");
    weights.taps = shape[2] * shape[3];
    weights.output_step = shape[1] * weights.taps;
    weights.input_step = weights.taps;
    return weights;
  }
  const bool turned = part.op == Op::gemm && part.attributes.integer("transB") != 0;
  weights.outputs = shape[turned ? 0 : 1];
  weights.inputs = shape[turned ? 1 : 0];
  weights.output_step = turned ? weights.inputs : 1;
  weights.input_step = turned ? 1 : weights.outputs;
  return weights;
}

}  // namespace fettle::tuner
