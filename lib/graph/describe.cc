// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

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
  return desc;
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
  return layer;
}

}  // namespace fettle::graph
