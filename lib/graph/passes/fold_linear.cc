// SPDX-License-Identifier: Apache-2.0
//
// Per-channel linear operators after a convolution or dense layer become part of its weights and bias:
// scale * (W x + b) + shift = (scale W) x + (scale b + shift). Weights may be shared, so new constants are
// made.
#include "lib/graph/passes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace fettle::graph {
namespace {

struct Linear {
  std::vector<float> scale;
  std::vector<float> shift;
};

// Numbers out of float's range that only folding makes: the parts by themselves may well give finite results.
bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}
bool all_finite(const Linear& linear) { return all_finite(linear.scale) && all_finite(linear.shift); }

std::optional<std::span<const float>> constant_values(const Graph& graph, ValueId id) {
  if (!graph.is_constant(id) || graph.value(id).type != DataType::f32) return std::nullopt;
  return graph.value(id).constant->values<float>();
}

std::optional<Linear> from_batch_norm(const Graph& graph, const Node& node) {
  const auto scale = constant_values(graph, node.inputs[1]);
  const auto bias = constant_values(graph, node.inputs[2]);
  const auto mean = constant_values(graph, node.inputs[3]);
  const auto variance = constant_values(graph, node.inputs[4]);
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  Linear linear;
  const double epsilon = node.attributes.real("epsilon");
  for (std::size_t c = 0; c < scale->size(); ++c) {
    const double factor =
        static_cast<double>((*scale)[c]) / std::sqrt(static_cast<double>((*variance)[c]) + epsilon);
    linear.scale.push_back(static_cast<float>(factor));
    linear.shift.push_back(
        static_cast<float>(static_cast<double>((*bias)[c]) - static_cast<double>((*mean)[c]) * factor));
  }
  return linear;
}

// A constant operand of an elementwise operator as one number per channel, or nothing when it varies along
// another axis.
std::optional<std::vector<float>> per_channel(const Graph& graph, ValueId id, const Shape& result) {
  const auto values = constant_values(graph, id);
  if (!values || result.rank() < 2) return std::nullopt;
  const Shape& shape = *graph.value(id).shape;
  if (values->size() == 1 && shape.rank() <= result.rank())
    return std::vector<float>(static_cast<std::size_t>(result[1]), values->front());
  const int channel_axis = 1 - (result.rank() - shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis != channel_axis && shape[axis] != 1) return std::nullopt;
  }
  if (channel_axis < 0 || shape[channel_axis] != result[1]) return std::nullopt;
  return std::vector<float>(values->begin(), values->end());
}

std::optional<Linear> from_arithmetic(const Graph& graph, const Node& node, ValueId x) {
  if (node.clamp || node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) return std::nullopt;
  const std::size_t other = node.inputs[0] == x ? 1 : 0;
  const Shape& shape = *graph.value(node.outputs.front()).shape;
  if (!(shape == *graph.value(x).shape)) return std::nullopt;
  const auto values = per_channel(graph, node.inputs[other], shape);
  if (!values) return std::nullopt;
  const std::size_t channels = values->size();
  Linear linear{std::vector<float>(channels, 1.0f), std::vector<float>(channels, 0.0f)};
  for (std::size_t c = 0; c < channels; ++c) {
    const float value = (*values)[c];
    switch (node.op) {
      case Op::mul:
        linear.scale[c] = value;
        break;
      case Op::add:
        linear.shift[c] = value;
        break;
      case Op::sub:
        linear.scale[c] = other == 1 ? 1.0f : -1.0f;
        linear.shift[c] = other == 1 ? -value : value;
        break;
      case Op::div:
        linear.scale[c] = 1.0f / value;
        // The reciprocal of a very small number is infinite, that of a very large one has lost its digits.
        if (other != 1 || !std::isnormal(linear.scale[c])) return std::nullopt;
        break;
      default:
        return std::nullopt;
    }
  }
  return linear;
}

// The constant bias, or zeros.
std::optional<std::vector<float>> bias_of(const Graph& graph, const Node& node, std::size_t channels) {
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return std::vector<float>(channels, 0.0f);
  const auto values = constant_values(graph, node.inputs[2]);
  if (!values) return std::nullopt;
  if (values->size() == 1) return std::vector<float>(channels, values->front());
  // A column of a dense layer's C may have as many numbers as there are channels, but is one number per row.
  const Shape& shape = *graph.value(node.inputs[2]).shape;
  if (values->size() != channels || shape[shape.rank() - 1] != static_cast<std::int64_t>(channels))
    return std::nullopt;
  return std::vector<float>(values->begin(), values->end());
}

// Which output channel an element of the weight contributes to.
std::size_t channel_of(const Node& node, const Shape& weight, std::size_t element) {
  const auto extent = [&](int axis) { return static_cast<std::size_t>(weight[axis]); };
  std::size_t inner = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) inner *= extent(axis);
  if (node.op == Op::conv) return element / (inner * extent(1));
  if (node.op == Op::gemm)
    return node.attributes.integer("transB") != 0 ? element / extent(1) : element % extent(1);
  // conv_transpose: input channels x output channels of a group
  const std::size_t in_channel = element / (inner * extent(1));
  const std::size_t in_per_group = extent(0) / static_cast<std::size_t>(node.attributes.integer("group"));
  return in_channel / in_per_group * extent(1) + element / inner % extent(1);
}

bool foldable_producer(const Node& node) {
  if (node.clamp || node.inputs.size() < 2) return false;
  if (node.op == Op::gemm) return node.attributes.real("alpha") == 1 && node.attributes.real("beta") == 1;
  return node.op == Op::conv || node.op == Op::conv_transpose;
}

Result<bool> fold_into(Graph& graph, PassContext& context, NodeId producer, const Linear& linear) {
  const Node node = graph.node(producer);
  const auto weights = constant_values(graph, node.inputs[1]);
  const std::size_t channels = linear.scale.size();
  std::optional<std::vector<float>> bias = bias_of(graph, node, channels);
  if (!weights || !bias || !all_finite(linear)) return false;
  // Layers may share weights, and each gets its own here: a small file must not become any size that way.
  const std::size_t bytes = weights->size_bytes() + channels * sizeof(float);
  if (bytes > context.limits.folded_bytes - std::min(context.folded_bytes, context.limits.folded_bytes))
    return false;
  const Value& old = graph.value(node.inputs[1]);
  const Shape shape = *old.shape;
  std::vector<float> scaled(weights->begin(), weights->end());
  for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] *= linear.scale[channel_of(node, shape, i)];
  for (std::size_t c = 0; c < channels; ++c) (*bias)[c] = (*bias)[c] * linear.scale[c] + linear.shift[c];
  if (!all_finite(scaled) || !all_finite(*bias)) return false;
  context.folded_bytes += bytes;
  Result<ValueId> weight_id =
      graph.add_constant(node.id + ".weight", DataType::f32, shape, std::as_bytes(std::span(scaled)));
  if (!weight_id) return std::move(weight_id).error();
  Result<ValueId> bias_id =
      graph.add_constant(node.id + ".bias", DataType::f32, Shape{static_cast<std::int64_t>(channels)},
                         std::as_bytes(std::span(*bias)));
  if (!bias_id) return std::move(bias_id).error();
  graph.node(producer).inputs = {node.inputs[0], *weight_id, *bias_id};
  return true;
}

std::optional<ValueId> linear_input(const Graph& graph, const Node& node) {
  if (node.op == Op::batch_norm) return node.inputs.front();
  if (node.op != Op::mul && node.op != Op::add && node.op != Op::sub && node.op != Op::div)
    return std::nullopt;
  for (ValueId input : node.inputs) {
    if (input != kNoValue && !graph.is_constant(input)) return input;
  }
  return std::nullopt;
}

// What is left of batch normalisation, with no layer before it to go into, is a depthwise 1x1 convolution.
Result<bool> to_depthwise(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const Shape& x = *graph.value(node.inputs.front()).shape;
  const std::optional<Linear> linear = from_batch_norm(graph, node);
  // A convolution of nothing is not valid.
  if (!linear || !all_finite(*linear) || x.rank() != 4 || x.elements() == 0) return false;
  const auto channels = static_cast<std::int64_t>(linear->scale.size());
  Result<ValueId> weight = graph.add_constant(node.id + ".weight", DataType::f32, Shape{channels, 1, 1, 1},
                                              std::as_bytes(std::span(linear->scale)));
  if (!weight) return std::move(weight).error();
  Result<ValueId> bias = graph.add_constant(node.id + ".bias", DataType::f32, Shape{channels},
                                            std::as_bytes(std::span(linear->shift)));
  if (!bias) return std::move(bias).error();
  Node& target = graph.node(id);
  target.op = Op::conv;
  target.attributes = {};
  target.attributes.set("group", channels);
  target.attributes.set("kernel_shape", std::vector<std::int64_t>{1, 1});
  target.attributes.set("strides", std::vector<std::int64_t>{1, 1});
  target.attributes.set("dilations", std::vector<std::int64_t>{1, 1});
  target.attributes.set("pads", std::vector<std::int64_t>{0, 0, 0, 0});
  target.inputs = {node.inputs.front(), *weight, *bias};
  return true;
}

Result<bool> fold_node(Graph& graph, PassContext& context, NodeId id) {
  const Node node = graph.node(id);
  const std::optional<ValueId> x = linear_input(graph, node);
  if (!x || !graph.value(*x).shape || !graph.value(node.outputs.front()).shape) return false;
  const NodeId producer = graph.value(*x).producer;
  const bool foldable =
      producer != kNoNode && foldable_producer(graph.node(producer)) && graph.sole_consumer(*x) == id;
  if (!foldable) return node.op == Op::batch_norm ? to_depthwise(graph, id) : Result<bool>(false);
  const std::optional<Linear> linear =
      node.op == Op::batch_norm ? from_batch_norm(graph, node) : from_arithmetic(graph, node, *x);
  if (!linear) return false;
  Result<bool> folded = fold_into(graph, context, producer, *linear);
  if (!folded || !*folded) return folded;
  const ValueId result = node.outputs.front();
  graph.remove_node(id);
  graph.node(producer).outputs.front() = result;
  graph.value(result).producer = producer;
  graph.value(*x).producer = kNoNode;
  return true;
}

}  // namespace

Result<bool> fold_linear(Graph& graph, PassContext& context) {
  bool changed = false;
  Result<std::vector<NodeId>> order = graph.topological_order();
  if (!order) return std::move(order).error();
  for (NodeId id : *order) {
    if (graph.node(id).removed) continue;
    Result<bool> folded = fold_node(graph, context, id);
    if (!folded) return folded;
    changed = changed || *folded;
  }
  return changed;
}

}  // namespace fettle::graph
