// SPDX-License-Identifier: Apache-2.0
#include "lib/base/small_types.h"
#include "lib/graph/passes.h"
#include "lib/graph/passes/quantised.h"

namespace fettle::graph {
namespace {

TensorDesc describe_value(const Value& value, bool quantised) {
  TensorDesc desc;
  desc.shape = value.shape.value_or(Shape{});
  desc.format.type = value.type;
  // Other layers that use the same value see its stored numbers and nothing else.
  if (quantised) desc.format.scale = value.scale;
  if (quantised) desc.format.zero_point = value.zero_point;
  desc.strides = dense_strides(desc.shape, desc.format);
  desc.constant = value.constant != nullptr;
  desc.bounded = value.bounded;
  return desc;
}

void set_quantisation(TensorDesc& tensor, const ValueQuantisation& quantisation) {
  tensor.format.scale = quantisation.scale;
  tensor.format.zero_point = quantisation.zero_point;
}

// Whether the node changes nothing but how numbers are stored: with one scale and zero point for all, which
// then are its tensors' and no attributes.
bool is_conversion(const Graph& graph, const Node& node) {
  if (node.op != Op::cast && node.op != Op::quantize_linear && node.op != Op::dequantize_linear) return false;
  const DataType from = graph.value(node.inputs.front()).type;
  const DataType to = graph.value(node.outputs.front()).type;
  if (node.op == Op::cast) return !is_small_float(from) && !is_small_float(to);
  if (node.quantised) return true;
  return quantisation_of(graph, node) && (node.op == Op::quantize_linear ? from : to) == DataType::f32;
}

void become_conversion(const Graph& graph, const Node& node, LayerDesc& layer) {
  if (const auto quantisation = quantisation_of(graph, node))
    set_quantisation(node.op == Op::quantize_linear ? layer.outputs.front() : layer.inputs.front(),
                     *quantisation);
  layer.parts.front().op = Op::convert;
  layer.parts.front().attributes = {};
}

}  // namespace

LayerDesc describe(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  LayerDesc layer;
  LayerPart part;
  part.op = node.op;
  part.attributes = node.attributes;
  part.clamp = node.clamp;
  for (ValueId input : node.inputs) {
    if (input == kNoValue) {
      part.operands.push_back(kNoOperand);
      continue;
    }
    part.operands.push_back(static_cast<int>(layer.inputs.size()));
    layer.inputs.push_back(describe_value(graph.value(input), node.quantised));
  }
  for (ValueId output : node.outputs) {
    if (output != kNoValue) layer.outputs.push_back(describe_value(graph.value(output), node.quantised));
  }
  layer.parts.push_back(std::move(part));
  if (is_conversion(graph, node)) become_conversion(graph, node, layer);
  return layer;
}

}  // namespace fettle::graph
