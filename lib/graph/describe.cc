// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

#include <algorithm>
#include <cmath>

namespace fettle::graph {
namespace {

// Every gate of every step takes a product with the input and one with the state.
std::int64_t recurrent_macs(const LayerDesc& layer) {
  const Shape& x = layer.inputs.front().shape;
  const TensorDesc* r = layer.operand(2);
  return r == nullptr ? 0 : x[0] * x[1] * r->shape[0] * r->shape[1] * (x[2] + r->shape[2]);
}

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

namespace {

double product(std::span<const std::int64_t> factors) {
  double result = 1;
  for (std::int64_t factor : factors) result *= static_cast<double>(factor);
  return result;
}

// How many inputs each result is computed from; 0 where that is no more than the input has in all.
double operations_per_result(const LayerDesc& layer) {
  const Attributes& attributes = layer.main().attributes;
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* weight = layer.operand(1);
  switch (layer.main().op) {
    case Op::conv:
      return product(weight->shape.dims().subspan(1));
    case Op::conv_transpose:
      return static_cast<double>(x->shape[1]) * product(weight->shape.dims().subspan(2));
    case Op::gemm:
      return static_cast<double>(x->shape[attributes.integer("transA") != 0 ? 0 : 1]);
    case Op::matmul:
      return static_cast<double>(x->shape[x->shape.rank() - 1]);
    case Op::max_pool:
    case Op::average_pool:
      return product(attributes.integers("kernel_shape"));
    case Op::lrn:
      return static_cast<double>(std::min(attributes.integer("size"), x->shape.rank() < 2 ? 1 : x->shape[1]));
    case Op::resize: {
      const std::string_view mode = attributes.string("mode");
      return std::pow(mode == "cubic" ? 4 : mode == "linear" ? 2 : 1, x->shape.rank());
    }
    default:
      return 0;
  }
}

}  // namespace

double count_operations(const LayerDesc& layer) {
  double count = 0;
  for (const TensorDesc& input : layer.inputs) count += static_cast<double>(input.shape.elements());
  for (const TensorDesc& output : layer.outputs)
    count += static_cast<double>(output.shape.elements()) * std::max(1.0, operations_per_result(layer));
  return count;
}

std::int64_t count_macs(const LayerDesc& layer) {
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* weight = layer.operand(1);
  if (x == nullptr || weight == nullptr || layer.outputs.empty()) return 0;
  const std::int64_t outputs = layer.outputs.front().shape.elements();
  switch (layer.main().op) {
    case Op::conv:
      return weight->shape[0] == 0 ? 0 : outputs * (weight->shape.elements() / weight->shape[0]);
    case Op::conv_transpose:
      return weight->shape[0] == 0 ? 0 : x->shape.elements() * (weight->shape.elements() / weight->shape[0]);
    case Op::gemm:
      return outputs * x->shape[layer.main().attributes.integer("transA") != 0 ? 0 : 1];
    case Op::matmul:
      return outputs * x->shape[x->shape.rank() - 1];
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return recurrent_macs(layer);
    default:
      return 0;
  }
}

}  // namespace fettle::graph
