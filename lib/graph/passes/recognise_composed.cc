// SPDX-License-Identifier: Apache-2.0
//
// Operators that exporters write in parts: HardSwish, Swish, HardSigmoid, Gelu, LayerNorm, RMSNorm, the
// shuffle of channels; products that are dense layers; bounds that are clamps.
#include "lib/graph/passes.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace fettle::graph {
namespace {

class Matcher {
 public:
  explicit Matcher(Graph& graph) : graph_(graph) {}

  /// The node that makes `value`, if it is of that operator and carries no clamp.
  const Node* made_by(ValueId value, Op op) const {
    if (value == kNoValue || graph_.value(value).producer == kNoNode) return nullptr;
    const Node& node = graph_.node(graph_.value(value).producer);
    return node.op == op && !node.clamp ? &node : nullptr;
  }
  std::optional<float> scalar(ValueId value) const {
    if (value == kNoValue || !graph_.is_constant(value)) return std::nullopt;
    const Value& held = graph_.value(value);
    if (held.type != DataType::f32 || held.constant->bytes.size() != sizeof(float)) return std::nullopt;
    return held.constant->values<float>().front();
  }
  /// For a commutative node with a scalar: the other operand and the scalar.
  std::optional<std::pair<ValueId, float>> with_scalar(const Node* node) const {
    if (node == nullptr || node->inputs.size() != 2) return std::nullopt;
    if (const auto right = scalar(node->inputs[1])) return std::pair{node->inputs[0], *right};
    if (const auto left = scalar(node->inputs[0]);
        left && node->op != Op::div && node->op != Op::sub && node->op != Op::pow)
      return std::pair{node->inputs[1], *left};
    return std::nullopt;
  }
  /// The x of x^2, as a power or as a product.
  std::optional<ValueId> squared(ValueId value) const {
    if (const Node* product = made_by(value, Op::mul))
      return product->inputs[0] == product->inputs[1] ? std::optional(product->inputs[0]) : std::nullopt;
    const auto power = with_scalar(made_by(value, Op::pow));
    return power && power->second == 2 ? std::optional(power->first) : std::nullopt;
  }
  /// The x and v of x / sqrt(v): a quotient, or a product with the reciprocal or with 1 / sqrt(v).
  std::optional<std::pair<ValueId, ValueId>> divided_by_root(ValueId value) const {
    const auto root_of = [&](ValueId root) {
      const Node* sqrt = made_by(root, Op::sqrt);
      return sqrt == nullptr ? kNoValue : sqrt->inputs[0];
    };
    if (const Node* quotient = made_by(value, Op::div)) {
      const ValueId v = root_of(quotient->inputs[1]);
      return v == kNoValue ? std::nullopt : std::optional(std::pair{quotient->inputs[0], v});
    }
    const Node* product = made_by(value, Op::mul);
    for (std::size_t x = 0; product != nullptr && product->inputs.size() == 2 && x < 2; ++x) {
      const ValueId factor = product->inputs[1 - x];
      ValueId v = kNoValue;
      if (const Node* reciprocal = made_by(factor, Op::reciprocal)) v = root_of(reciprocal->inputs[0]);
      if (const Node* one = made_by(factor, Op::div); one != nullptr && scalar(one->inputs[0]) == 1)
        v = root_of(one->inputs[1]);
      if (v != kNoValue) return std::pair{product->inputs[x], v};
    }
    return std::nullopt;
  }
  Graph& graph() const { return graph_; }

 private:
  Graph& graph_;
};

// Constants have to be what the composed operator computes with, to the last bit: another slope is another
// network, however close.
constexpr float kSixth = 1.0f / 6;

// clamp(x + 3, 0, 6), as a separate clamp or fused into the addition.
std::optional<ValueId> relu6_of_x_plus_3(const Matcher& match, ValueId value) {
  const Node* clamp = match.made_by(value, Op::clamp);
  const bool separate =
      clamp != nullptr && clamp->attributes.real("min") == 0 && clamp->attributes.real("max") == 6;
  if (separate) {
    const auto sum = match.with_scalar(match.made_by(clamp->inputs[0], Op::add));
    return sum && sum->second == 3 ? std::optional(sum->first) : std::nullopt;
  }
  const NodeId producer = value == kNoValue ? kNoNode : match.graph().value(value).producer;
  if (producer == kNoNode || match.graph().node(producer).op != Op::add) return std::nullopt;
  const Node& add = match.graph().node(producer);
  const auto sum = match.with_scalar(&add);
  const bool fused = add.clamp && add.clamp->low == 0 && add.clamp->high == 6 && sum && sum->second == 3;
  return fused ? std::optional(sum->first) : std::nullopt;
}

// hard_sigmoid(x) with slope 1/6: the operator, or relu6(x + 3) / 6.
std::optional<ValueId> hard_sigmoid_sixth(const Matcher& match, ValueId value) {
  if (const Node* node = match.made_by(value, Op::hard_sigmoid)) {
    const bool sixth = node->attributes.real("alpha") == kSixth && node->attributes.real("beta") == 0.5f;
    return sixth ? std::optional(node->inputs[0]) : std::nullopt;
  }
  const auto quotient = match.with_scalar(match.made_by(value, Op::div));
  if (quotient && quotient->second == 6) return relu6_of_x_plus_3(match, quotient->first);
  const auto product = match.with_scalar(match.made_by(value, Op::mul));
  if (product && product->second == kSixth) return relu6_of_x_plus_3(match, product->first);
  return std::nullopt;
}

struct Found {
  Op op;
  std::vector<ValueId> inputs;
  Attributes attributes;
};

// x * hard_sigmoid(x), x * sigmoid(x)
std::optional<Found> self_gated(const Matcher& match, const Node& node) {
  if (node.op != Op::mul || node.clamp || node.inputs.size() != 2) return std::nullopt;
  for (std::size_t gate = 0; gate < 2; ++gate) {
    const ValueId x = node.inputs[1 - gate];
    if (hard_sigmoid_sixth(match, node.inputs[gate]) == x) return Found{Op::hard_swish, {x}, {}};
    const Node* sigmoid = match.made_by(node.inputs[gate], Op::sigmoid);
    if (sigmoid != nullptr && sigmoid->inputs[0] == x) return Found{Op::swish, {x}, {}};
  }
  return std::nullopt;
}

// (x * relu6(x + 3)) / 6, with the division last
std::optional<Found> hard_swish_divided_last(const Matcher& match, const Node& node) {
  if (node.clamp || (node.op != Op::div && node.op != Op::mul)) return std::nullopt;
  const auto scaled = match.with_scalar(&node);
  if (!scaled || !(node.op == Op::div ? scaled->second == 6 : scaled->second == kSixth)) return std::nullopt;
  const Node* product = match.made_by(scaled->first, Op::mul);
  if (product == nullptr || product->inputs.size() != 2) return std::nullopt;
  for (std::size_t gate = 0; gate < 2; ++gate) {
    if (relu6_of_x_plus_3(match, product->inputs[gate]) == product->inputs[1 - gate])
      return Found{Op::hard_swish, {product->inputs[1 - gate]}, {}};
  }
  return std::nullopt;
}

// relu6(x + 3) / 6 alone
std::optional<Found> hard_sigmoid(const Matcher& match, const Node& node) {
  if (node.clamp || (node.op != Op::div && node.op != Op::mul)) return std::nullopt;
  const std::optional<ValueId> x = hard_sigmoid_sixth(match, node.outputs.front());
  if (!x) return std::nullopt;
  Attributes attributes;
  attributes.set("alpha", kSixth);
  attributes.set("beta", 0.5f);
  return Found{Op::hard_sigmoid, {*x}, std::move(attributes)};
}

// (x * gate(x)) * 0.5 or (x * 0.5) * gate(x), where gate_of(value) says what x a gate is of.
template <typename GateOf>
std::optional<Found> halved_by_gate(const Matcher& match, const Node& node, GateOf&& gate_of, Op op) {
  if (const auto half = match.with_scalar(&node); half && half->second == 0.5f) {
    const Node* product = match.made_by(half->first, Op::mul);
    for (std::size_t gate = 0; product != nullptr && product->inputs.size() == 2 && gate < 2; ++gate) {
      if (gate_of(product->inputs[gate]) == product->inputs[1 - gate])
        return Found{op, {product->inputs[1 - gate]}, {}};
    }
    return std::nullopt;
  }
  for (std::size_t gate = 0; node.inputs.size() == 2 && gate < 2; ++gate) {
    const auto half = match.with_scalar(match.made_by(node.inputs[1 - gate], Op::mul));
    if (half && half->second == 0.5f && gate_of(node.inputs[gate]) == half->first)
      return Found{op, {half->first}, {}};
  }
  return std::nullopt;
}

// x * 0.5 * (1 + erf(x / sqrt(2))): 0.5 may stand at either product
std::optional<Found> gelu(const Matcher& match, const Node& node) {
  if (node.op != Op::mul || node.clamp) return std::nullopt;
  const auto gate_of = [&](ValueId value) -> std::optional<ValueId> {
    const auto sum = match.with_scalar(match.made_by(value, Op::add));
    if (!sum || sum->second != 1) return std::nullopt;
    const Node* erf = match.made_by(sum->first, Op::erf);
    if (erf == nullptr) return std::nullopt;
    const auto quotient = match.with_scalar(match.made_by(erf->inputs[0], Op::div));
    if (quotient && quotient->second == std::sqrt(2.0f)) return quotient->first;
    const auto product = match.with_scalar(match.made_by(erf->inputs[0], Op::mul));
    return product && product->second == std::sqrt(0.5f) ? std::optional(product->first) : std::nullopt;
  };
  return halved_by_gate(match, node, gate_of, Op::gelu);
}

// x^3 as a power or as products.
std::optional<ValueId> cubed(const Matcher& match, ValueId value) {
  if (const auto power = match.with_scalar(match.made_by(value, Op::pow)))
    return power->second == 3 ? std::optional(power->first) : std::nullopt;
  const Node* cube = match.made_by(value, Op::mul);
  for (std::size_t x = 0; cube != nullptr && cube->inputs.size() == 2 && x < 2; ++x) {
    if (match.squared(cube->inputs[1 - x]) == cube->inputs[x]) return cube->inputs[x];
  }
  return std::nullopt;
}

// x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))): 0.5 may stand at either product
std::optional<Found> gelu_tanh(const Matcher& match, const Node& node) {
  if (node.op != Op::mul || node.clamp || node.inputs.size() != 2) return std::nullopt;
  const auto gate_of = [&](ValueId value) -> std::optional<ValueId> {
    const auto sum = match.with_scalar(match.made_by(value, Op::add));
    const Node* tanh = sum && sum->second == 1 ? match.made_by(sum->first, Op::tanh) : nullptr;
    if (tanh == nullptr) return std::nullopt;
    const auto scaled = match.with_scalar(match.made_by(tanh->inputs[0], Op::mul));
    if (!scaled || scaled->second != 0.79788456080286535588f) return std::nullopt;
    const Node* inner = match.made_by(scaled->first, Op::add);
    for (std::size_t x = 0; inner != nullptr && inner->inputs.size() == 2 && x < 2; ++x) {
      const auto cubic = match.with_scalar(match.made_by(inner->inputs[1 - x], Op::mul));
      if (cubic && cubic->second == 0.044715f && cubed(match, cubic->first) == inner->inputs[x])
        return inner->inputs[x];
    }
    return std::nullopt;
  };
  return halved_by_gate(match, node, gate_of, Op::gelu_tanh);
}

// The mean over the last axis of a value, with that axis kept.
bool is_mean_of(const Matcher& match, ValueId mean, ValueId x) {
  const Node* node = match.made_by(mean, Op::reduce_mean);
  if (node == nullptr || node->inputs[0] != x) return false;
  const std::int64_t last = match.graph().value(x).shape->rank() - 1;
  const auto axes = node->attributes.integers("axes");
  return axes.size() == 1 && axes[0] == last && node->attributes.integer("keepdims") == 1;
}

// The x of x - mean(x).
std::optional<ValueId> centred_of(const Matcher& match, ValueId value) {
  const Node* difference = match.made_by(value, Op::sub);
  if (difference == nullptr || !is_mean_of(match, difference->inputs[1], difference->inputs[0]))
    return std::nullopt;
  return difference->inputs[0];
}

// A constant with a number for each element of the last axis of x.
bool is_row_for(const Graph& graph, ValueId row, ValueId x) {
  const Shape& shape = *graph.value(x).shape;
  return graph.is_constant(row) && shape.rank() > 0 &&
         *graph.value(row).shape == Shape{shape[shape.rank() - 1]};
}

// x / sqrt(mean(x^2) + epsilon) * scale over the last axis: RMSNorm, or LayerNorm without a bias where x is
// centred. Exporters compute what is centred once or twice.
std::optional<Found> normalised(const Matcher& match, const Node& node) {
  if (node.op != Op::mul || node.clamp || node.inputs.size() != 2) return std::nullopt;
  const Graph& graph = match.graph();
  const std::size_t scale_at = graph.is_constant(node.inputs[1]) ? 1 : 0;
  const ValueId scale = node.inputs[scale_at];
  const ValueId normal = node.inputs[1 - scale_at];
  if (!graph.is_constant(scale) || graph.is_constant(normal)) return std::nullopt;
  const auto quotient = match.divided_by_root(normal);
  if (!quotient) return std::nullopt;
  const auto [x, root] = *quotient;
  const auto sum = match.with_scalar(match.made_by(root, Op::add));
  const Node* mean = sum ? match.made_by(sum->first, Op::reduce_mean) : nullptr;
  const auto squared = mean == nullptr ? std::nullopt : match.squared(mean->inputs[0]);
  if (!squared || !is_mean_of(match, sum->first, mean->inputs[0]) || !is_row_for(graph, scale, x))
    return std::nullopt;
  Attributes attributes;
  attributes.set("axis", std::int64_t{graph.value(x).shape->rank() - 1});
  attributes.set("epsilon", sum->second);
  const std::optional<ValueId> inner = centred_of(match, x);
  if (inner && centred_of(match, *squared) == inner)
    return Found{Op::layer_norm, {*inner, scale}, std::move(attributes)};
  if (*squared != x) return std::nullopt;
  return Found{Op::rms_norm, {x, scale}, std::move(attributes)};
}

// LayerNorm + bias
std::optional<Found> biased_layer_norm(const Matcher& match, const Node& node) {
  if (node.op != Op::add || node.clamp || node.inputs.size() != 2) return std::nullopt;
  const Graph& graph = match.graph();
  const std::size_t bias_at = graph.is_constant(node.inputs[1]) ? 1 : 0;
  const ValueId bias = node.inputs[bias_at];
  const Node* norm = match.made_by(node.inputs[1 - bias_at], Op::layer_norm);
  if (norm == nullptr || norm->inputs.size() != 2 || norm->outputs.size() != 1 ||
      norm->attributes.integer("axis") != graph.value(norm->inputs[0]).shape->rank() - 1 ||
      !is_row_for(graph, bias, norm->inputs[0]))
    return std::nullopt;
  return Found{Op::layer_norm, {norm->inputs[0], norm->inputs[1], bias}, norm->attributes};
}

// Channels as groups x channels of a group, these two axes exchanged, and channels again (ShuffleNet).
std::optional<Found> channel_shuffle(const Matcher& match, const Node& node) {
  if (node.op != Op::reshape || node.clamp) return std::nullopt;
  const Node* turn = match.made_by(node.inputs[0], Op::transpose);
  const Node* grouped = turn == nullptr ? nullptr : match.made_by(turn->inputs[0], Op::reshape);
  if (grouped == nullptr) return std::nullopt;
  const Graph& graph = match.graph();
  const ValueId x = grouped->inputs[0];
  const Shape& shape = *graph.value(x).shape;
  const Shape& parts = *graph.value(turn->inputs[0]).shape;
  if (shape.rank() < 3 || parts.rank() != shape.rank() + 1 ||
      *graph.value(node.outputs.front()).shape != shape)
    return std::nullopt;
  const auto order = turn->attributes.integers("perm");
  for (int axis = 0; axis < parts.rank(); ++axis) {
    const int from = axis == 1 ? 2 : axis == 2 ? 1 : axis;
    if (order[static_cast<std::size_t>(axis)] != from) return std::nullopt;
    if (axis > 2 && parts[axis] != shape[axis - 1]) return std::nullopt;
  }
  if (parts[0] != shape[0] || parts[1] * parts[2] != shape[1] || shape[1] == 0) return std::nullopt;
  Attributes attributes;
  attributes.set("group", parts[1]);
  return Found{Op::channel_shuffle, {x}, std::move(attributes)};
}

// MatMul of a matrix with constant weights is a dense layer.
std::optional<Found> dense(const Matcher& match, const Node& node) {
  if (node.op != Op::matmul) return std::nullopt;
  const Graph& graph = match.graph();
  const Value& a = graph.value(node.inputs[0]);
  const Value& b = graph.value(node.inputs[1]);
  if (a.type != DataType::f32 || a.constant || !b.constant || a.shape->rank() != 2 || b.shape->rank() != 2)
    return std::nullopt;
  Attributes attributes;
  attributes.set("alpha", 1.0f);
  attributes.set("beta", 1.0f);
  attributes.set("transA", std::int64_t{0});
  attributes.set("transB", std::int64_t{0});
  return Found{Op::gemm, {node.inputs[0], node.inputs[1]}, std::move(attributes)};
}

// min(x, number) and max(x, number) are clamps with one bound.
std::optional<Found> bound(const Matcher& match, const Node& node) {
  if (node.clamp || (node.op != Op::min && node.op != Op::max)) return std::nullopt;
  const auto scaled = match.with_scalar(&node);
  if (!scaled || match.graph().is_constant(scaled->first)) return std::nullopt;
  if (std::isnan(scaled->second)) return std::nullopt;  // makes everything NaN, which a clamp does not
  if (!(*match.graph().value(scaled->first).shape == *match.graph().value(node.outputs.front()).shape))
    return std::nullopt;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Attributes attributes;
  attributes.set("min", node.op == Op::max ? scaled->second : -kInfinity);
  attributes.set("max", node.op == Op::min ? scaled->second : kInfinity);
  return Found{Op::clamp, {scaled->first}, std::move(attributes)};
}

using Recogniser = std::optional<Found> (*)(const Matcher&, const Node&);
constexpr Recogniser kRecognisers[] = {self_gated, hard_swish_divided_last, hard_sigmoid,    gelu,  gelu_tanh,
                                       normalised, biased_layer_norm,       channel_shuffle, dense, bound};

}  // namespace

Result<bool> recognise_composed(Graph& graph, PassContext&) {
  const Matcher match(graph);
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    Node& node = graph.node(static_cast<NodeId>(i));
    if (node.removed || node.outputs.size() != 1 || graph.value(node.outputs.front()).type != DataType::f32)
      continue;
    for (Recogniser recogniser : kRecognisers) {
      std::optional<Found> found = recogniser(match, node);
      if (!found) continue;
      const Value& from = graph.value(found->inputs.front());
      const Value& to = graph.value(node.outputs.front());
      // A constant of one number may have more dimensions than x, and gives them to the result.
      const bool widened = from.shape != to.shape;
      // A constant whose extent is fixed also fixes one that depends on data.
      if ((widened && found->op != Op::gemm) || from.bounded != to.bounded) continue;
      // The parts stay until dead code removal finds that nothing uses them.
      node.op = found->op;
      node.inputs = std::move(found->inputs);
      node.attributes = std::move(found->attributes);
      changed = true;
      break;
    }
  }
  return changed;
}

}  // namespace fettle::graph
