// SPDX-License-Identifier: Apache-2.0
//
// Attention as exporters write it: a product of queries and keys, a scale, perhaps a mask, softmax, a product
// with the values; with transposes and scales of the operands, which go into it too. What softmax makes of a
// mask of -inf stays (attribute plain_softmax).
#include "lib/graph/infer/infer.h"
#include "lib/graph/passes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

using Order = std::vector<std::int64_t>;

// A value with its axes in another order.
struct Ordered {
  ValueId value;
  Order order;  // axis i is the value's axis order[i]

  Ordered(const Graph& graph, ValueId id, std::span<const std::int64_t> perm) : value(id) {
    if (perm.empty()) {
      for (std::int64_t axis = 0; axis < graph.value(id).shape->rank(); ++axis) order.push_back(axis);
    } else {
      order.assign(perm.begin(), perm.end());
    }
  }
  Shape shape(const Graph& graph) const {
    Shape ordered;
    for (const std::int64_t axis : order)
      ordered.push_back((*graph.value(value).shape)[static_cast<int>(axis)]);
    return ordered;
  }
  void exchange_last() { std::swap(order[order.size() - 1], order[order.size() - 2]); }
};

const Node* made_by(const Graph& graph, ValueId id) {
  const NodeId producer = graph.value(id).producer;
  return producer == kNoNode ? nullptr : &graph.node(producer);
}

bool is_known_f32(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.type == DataType::f32 && value.shape && value.bounded == 0;
}

// The finite number of a constant of one element, if it is not 0 either.
std::optional<float> factor_of(const Graph& graph, ValueId id) {
  if (!graph.is_constant(id) || !is_known_f32(graph, id)) return std::nullopt;
  const Constant& constant = *graph.value(id).constant;
  if (constant.bytes.size() != sizeof(float)) return std::nullopt;
  const float factor = constant.values<float>().front();
  return std::isfinite(factor) && factor != 0 ? std::optional(factor) : std::nullopt;
}

struct Scaled {
  ValueId value;
  float factor;
};

// What a node multiplies by a number, or divides by it; without another shape.
std::optional<Scaled> scaled(const Graph& graph, const Node* node) {
  if (node == nullptr || node->clamp || node->inputs.size() != 2) return std::nullopt;
  if (node->op != Op::mul && node->op != Op::div) return std::nullopt;
  for (std::size_t at = 2; at-- > 0;) {
    if (node->op == Op::div && at == 0) break;
    const auto factor = factor_of(graph, node->inputs[at]);
    const ValueId x = node->inputs[1 - at];
    if (!factor || graph.value(x).shape != graph.value(node->outputs.front()).shape) continue;
    // Numbers may be divided by one that has no reciprocal.
    const float scale = node->op == Op::mul ? *factor : 1 / *factor;
    if (std::isnormal(scale)) return Scaled{x, scale};
  }
  return std::nullopt;
}

// A product in f32 with nothing in it but transposes.
bool is_plain_product(const Graph& graph, const Node* node) {
  if (node == nullptr || node->op != Op::matmul || node->clamp || node->inputs.size() != 2 ||
      node->attributes.has("dynamic_type"))
    return false;
  return std::all_of(node->inputs.begin(), node->inputs.end(), [&](ValueId id) {
    const Node* producer = made_by(graph, id);
    // Products of dequantised numbers become quantised ones.
    return is_known_f32(graph, id) && (producer == nullptr || producer->op != Op::dequantize_linear);
  });
}

// Whether kernels can read an operand along its rows, or, where `across`, along its columns.
bool is_readable(const Order& order, bool across) {
  const auto last = static_cast<std::int64_t>(order.size()) - 1;
  return order.back() == last || (across && order[order.size() - 2] == last);
}

// Goes back through transposes, and through scales where `factor` takes them.
void trace_back(const Graph& graph, Ordered& operand, bool across, float* factor) {
  while (const Node* node = made_by(graph, operand.value)) {
    const auto inside = factor == nullptr ? std::nullopt : scaled(graph, node);
    if (inside && std::isfinite(*factor * inside->factor) && *factor * inside->factor != 0) {
      *factor *= inside->factor;
      operand.value = inside->value;
      continue;
    }
    if (node->op != Op::transpose || !is_known_f32(graph, node->inputs.front())) return;
    const auto perm = node->attributes.integers("perm");
    Order order;
    for (const std::int64_t axis : operand.order) order.push_back(perm[static_cast<std::size_t>(axis)]);
    if (!is_readable(order, across)) return;
    operand.order = std::move(order);
    operand.value = node->inputs.front();
  }
}

// What has been found around a softmax.
struct Pattern {
  NodeId mix = kNoNode;  // the product with the values
  const Node* scores = nullptr;
  std::vector<ValueId> masks;
  float scale = 1;
};

// The product from which a softmax's operand comes, by sums with masks and a scale that nobody else uses.
bool find_scores(const Graph& graph, ValueId value, Pattern& pattern) {
  constexpr std::size_t kMostMasks = 2;
  const Node* node = made_by(graph, value);
  if (node == nullptr || graph.sole_consumer(value) == kNoNode) return false;
  if (is_plain_product(graph, node)) {
    pattern.scores = node;
    return !node->attributes.has("perm_y");
  }
  if (const auto inside = scaled(graph, node)) {
    // A sum that is scaled is something else.
    if (!is_plain_product(graph, made_by(graph, inside->value))) return false;
    pattern.scale = inside->factor;
    return find_scores(graph, inside->value, pattern);
  }
  if (node->op != Op::add || node->clamp || node->inputs.size() != 2 || pattern.masks.size() == kMostMasks)
    return false;
  for (std::size_t at = 0; at < 2; ++at) {
    const ValueId x = node->inputs[at];
    const ValueId mask = node->inputs[1 - at];
    if (!is_known_f32(graph, mask) || x == mask || graph.value(x).shape != graph.value(value).shape) continue;
    Pattern inner = pattern;
    inner.masks.push_back(mask);
    if (!find_scores(graph, x, inner)) continue;
    pattern = std::move(inner);
    return true;
  }
  return false;
}

std::optional<Pattern> find_pattern(const Graph& graph, const Node& softmax) {
  if (softmax.removed || softmax.op != Op::softmax || softmax.clamp) return std::nullopt;
  const ValueId x = softmax.inputs.front();
  if (!is_known_f32(graph, x)) return std::nullopt;
  const int rank = graph.value(x).shape->rank();
  if (rank < 2 || rank > 4 || softmax.attributes.integer("axis") != rank - 1) return std::nullopt;
  Pattern pattern;
  const ValueId weights = softmax.outputs.front();
  pattern.mix = graph.sole_consumer(weights);
  if (pattern.mix == kNoNode) return std::nullopt;
  const Node& mix = graph.node(pattern.mix);
  const bool mixes = is_plain_product(graph, &mix) && mix.inputs[0] == weights && mix.inputs[1] != weights &&
                     !mix.attributes.has("perm_a") && graph.value(mix.inputs[1]).shape->rank() == rank;
  if (!mixes || !find_scores(graph, x, pattern)) return std::nullopt;
  for (const ValueId operand : pattern.scores->inputs) {
    if (graph.value(operand).shape->rank() != rank) return std::nullopt;
  }
  return pattern;
}

class Rewriter {
 public:
  Rewriter(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  // Whether the pattern is attention of one kind of heads, and has become it.
  bool rewrite(const Pattern& pattern) {
    const Node& mix = graph_.node(pattern.mix);
    Ordered q(graph_, pattern.scores->inputs[0], pattern.scores->attributes.integers("perm_a"));
    Ordered k(graph_, pattern.scores->inputs[1], pattern.scores->attributes.integers("perm_b"));
    Ordered v(graph_, mix.inputs[1], mix.attributes.integers("perm_b"));
    k.exchange_last();
    if (!fits(q, k, v)) return false;
    float scale = pattern.scale;
    trace_back(graph_, q, false, &scale);
    trace_back(graph_, k, true, &scale);
    trace_back(graph_, v, true, nullptr);
    for (const Ordered* operand : {&q, &k, &v}) {
      if (is_dequantised(operand->value)) return false;
    }
    const auto perm_y = mix.attributes.integers("perm_y");
    const int rank = static_cast<int>(q.order.size());
    Order result(perm_y.begin(), perm_y.end());
    if (result.empty()) {
      for (std::int64_t axis = 0; axis < rank; ++axis) result.push_back(axis);
    }
    if (rank < 4) {
      for (Ordered* operand : {&q, &k, &v}) lengthen(pattern.mix, *operand);
      lengthen_order(result);
    }
    Attributes attributes;
    attributes.set("scale", scale);
    attributes.set("softcap", 0.0f);
    attributes.set("plain_softmax", std::int64_t{1});
    for (const char* name : {"is_causal", "offset", "qk_matmul_output_mode"})
      attributes.set(name, std::int64_t{0});
    for (const char* name : {"left_window_size", "right_window_size"}) attributes.set(name, std::int64_t{-1});
    set_order(attributes, "perm_q", q.order);
    set_order(attributes, "perm_k", k.order);
    set_order(attributes, "perm_v", v.order);
    set_order(attributes, "perm_y", result);
    std::vector<ValueId> inputs{q.value, k.value, v.value};
    if (!pattern.masks.empty()) inputs.push_back(sum_of_masks(pattern));
    Node& node = graph_.node(pattern.mix);
    const ValueId y = node.outputs.front();
    node.op = Op::attention;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    if (rank < 4) shorten_result(pattern.mix, y);
    return true;
  }

  // Takes transposes and scales before attention, and a transpose behind it, into it.
  bool absorb(NodeId id) {
    constexpr const char* kNames[] = {"perm_q", "perm_k", "perm_v"};
    Node& node = graph_.node(id);
    // Kernels that learn extents take no transposes.
    const auto bounded = [&](ValueId value) { return value != kNoValue && graph_.value(value).bounded != 0; };
    if (std::any_of(node.inputs.begin(), node.inputs.end(), bounded) || bounded(node.outputs.front()))
      return false;
    float scale = node.attributes.real("scale");
    bool changed = false;
    for (std::size_t i = 0; i < 3; ++i) {
      if (!is_known_f32(graph_, node.inputs[i])) return changed;
      Ordered operand(graph_, node.inputs[i], node.attributes.integers(kNames[i]));
      trace_back(graph_, operand, i > 0, i < 2 ? &scale : nullptr);
      if (operand.value == node.inputs[i] || is_dequantised(operand.value)) continue;
      node.inputs[i] = operand.value;
      set_order(node.attributes, kNames[i], operand.order);
      node.attributes.set("scale", scale);
      changed = true;
    }
    return absorb_result(id) || changed;
  }

 private:
  bool is_dequantised(ValueId id) const {
    const Node* producer = made_by(graph_, id);
    return producer != nullptr && producer->op == Op::dequantize_linear;
  }

  bool fits(const Ordered& q, const Ordered& k, const Ordered& v) const {
    const Shape queries = q.shape(graph_);
    const Shape keys = k.shape(graph_);
    const Shape values = v.shape(graph_);
    const int rank = queries.rank();
    if (queries.elements() <= 0 || keys.elements() <= 0 || values.elements() <= 0) return false;
    bool fit = keys[rank - 2] == values[rank - 2] && is_readable(q.order, false) &&
               is_readable(k.order, true) && is_readable(v.order, true);
    for (int axis = 0; axis < rank - 2; ++axis) {
      const bool shared = axis == rank - 3 && keys[axis] == 1;
      fit = fit && keys[axis] == values[axis] && (keys[axis] == queries[axis] || shared);
    }
    return fit;
  }

  // Axes of extent 1 before the others, until there are four.
  static void lengthen_order(Order& order) {
    const auto more = 4 - static_cast<std::int64_t>(order.size());
    Order longer;
    for (std::int64_t axis = 0; axis < more; ++axis) longer.push_back(axis);
    for (const std::int64_t axis : order) longer.push_back(axis + more);
    order = std::move(longer);
  }
  static Shape longer(const Shape& shape) {
    Shape result;
    for (int axis = shape.rank(); axis < 4; ++axis) result.push_back(1);
    for (const std::int64_t extent : shape.dims()) result.push_back(extent);
    return result;
  }
  void lengthen(NodeId near, Ordered& operand) {
    lengthen_order(operand.order);
    const Shape shape = longer(*graph_.value(operand.value).shape);
    operand.value = add(near, Op::reshape, ".heads", {operand.value}, shape);
  }
  // The result gets four axes, and a reshape takes the first ones off again.
  void shorten_result(NodeId id, ValueId y) {
    const ValueId inner = add(id, Op::identity, ".result", {}, longer(*graph_.value(y).shape));
    const NodeId reshape = graph_.value(inner).producer;
    graph_.node(reshape).op = Op::reshape;
    graph_.node(reshape).inputs = {inner};
    graph_.node(reshape).outputs = {y};
    graph_.value(y).producer = reshape;
    graph_.node(id).outputs = {inner};
    graph_.value(inner).producer = id;
  }

  static void set_order(Attributes& attributes, const char* name, const Order& order) {
    if (std::is_sorted(order.begin(), order.end()))
      attributes.erase(name);
    else
      attributes.set(name, order);
  }

  ValueId sum_of_masks(const Pattern& pattern) {
    ValueId sum = pattern.masks.front();
    for (std::size_t i = 1; i < pattern.masks.size(); ++i) {
      const Shape shape = *broadcast(*graph_.value(sum).shape, *graph_.value(pattern.masks[i]).shape);
      sum = add(pattern.mix, Op::add, ".masks", {sum, pattern.masks[i]}, shape);
    }
    return sum;
  }

  bool absorb_result(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.outputs.size() != 1) return false;
    const NodeId behind = graph_.sole_consumer(node.outputs.front());
    if (behind == kNoNode || node.attributes.has("perm_y")) return false;
    const Node& transpose = graph_.node(behind);
    if (transpose.op != Op::transpose) return false;
    const auto perm = transpose.attributes.integers("perm");
    const Order order(perm.begin(), perm.end());
    if (!is_readable(order, false)) return false;
    const ValueId result = transpose.outputs.front();
    const ValueId inner = node.outputs.front();
    graph_.remove_node(behind);
    set_order(graph_.node(id).attributes, "perm_y", order);
    graph_.node(id).outputs.front() = result;
    graph_.value(result).producer = id;
    graph_.value(inner).producer = kNoNode;
    return true;
  }

  ValueId add(NodeId near, Op op, const char* suffix, std::vector<ValueId> inputs, const Shape& shape) {
    const std::string id = context_.ids(graph_).take(graph_.node(near).id + suffix);
    Value value;
    value.name = id;
    value.type = DataType::f32;
    value.shape = shape;
    const ValueId result = graph_.add_value(std::move(value));
    graph_.add_node({op, id, {}, {}, std::move(inputs), {result}});
    return result;
  }

  Graph& graph_;
  PassContext& context_;
};

}  // namespace

Result<bool> recognise_attention(Graph& graph, PassContext& context) {
  context.begin_pass();
  Rewriter rewriter(graph, context);
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (const auto pattern = find_pattern(graph, graph.node(id))) {
      // Softmax and what stands before it stay until dead code removal finds that nothing uses them.
      changed = rewriter.rewrite(*pattern) || changed;
    } else if (!graph.node(id).removed && graph.node(id).op == Op::attention &&
               graph.node(id).attributes.has("offset")) {
      changed = rewriter.absorb(id) || changed;
    }
  }
  return changed;
}

}  // namespace fettle::graph
