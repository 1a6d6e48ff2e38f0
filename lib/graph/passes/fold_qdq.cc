// SPDX-License-Identifier: Apache-2.0
//
// Models with QuantizeLinear and DequantizeLinear say where integers are, and compute with real numbers in
// between. A layer whose operands come from DequantizeLinear and whose result goes to QuantizeLinear becomes
// one that computes in integers; what only moves numbers changes places with the DequantizeLinear before it.
// What does not fit stays as it is, in f32.
#include "lib/base/quantise.h"
#include "lib/graph/passes.h"
#include "lib/graph/passes/quantised.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fettle::graph {

std::optional<ValueQuantisation> quantisation_of(const Graph& graph, const Node& node) {
  if (node.quantised || node.inputs.size() != 1) return std::nullopt;
  const auto scale = node.attributes.reals("scale");
  const auto zero = node.attributes.integers("zero_point");
  if (scale.size() != 1 || zero.size() != 1 || !is_valid_scale(scale.front())) return std::nullopt;
  const bool gives = node.op == Op::quantize_linear;
  if (!gives && node.op != Op::dequantize_linear) return std::nullopt;
  const DataType type = graph.value(gives ? node.outputs.front() : node.inputs.front()).type;
  if (!is_quantised_type(type)) return std::nullopt;
  return ValueQuantisation{type, scale.front(), static_cast<std::int32_t>(zero.front())};
}

const Node* dequantize_before(const Graph& graph, ValueId value) {
  if (value == kNoValue || graph.value(value).producer == kNoNode) return nullptr;
  const Node& node = graph.node(graph.value(value).producer);
  const bool known = node.op == Op::dequantize_linear && node.inputs.size() == 1 &&
                     graph.value(node.inputs.front()).shape.has_value();
  return known ? &node : nullptr;
}

void become_gemm(Node& matmul) {
  matmul.op = Op::gemm;
  matmul.attributes.set("alpha", 1.0f);
  matmul.attributes.set("beta", 1.0f);
  matmul.attributes.set("transA", std::int64_t{0});
  matmul.attributes.set("transB", std::int64_t{0});
}

namespace {

// A value with its quantisation, before anything about it is changed.
struct Operand {
  ValueId stored = kNoValue;
  ValueQuantisation quantisation;
};

double ratio(const ValueQuantisation& from, const ValueQuantisation& to) {
  return static_cast<double>(from.scale) / static_cast<double>(to.scale);
}

class QuantisedFolding {
 public:
  explicit QuantisedFolding(Graph& graph) : graph_(graph) {}

  Result<bool> run() {
    Result<std::vector<NodeId>> order = graph_.topological_order();
    if (!order) return std::move(order).error();
    bool changed = false;
    for (NodeId id : *order) {
      const Node& node = graph_.node(id);
      if (node.removed || node.quantised || node.outputs.size() != 1) continue;
      if (!graph_.value(node.outputs.front()).shape) continue;
      Result<bool> folded = fold(id);
      if (!folded) return folded;
      changed = changed || *folded;
    }
    return changed;
  }

 private:
  Result<bool> fold(NodeId id) {
    switch (graph_.node(id).op) {
      case Op::conv:
      case Op::gemm:
      case Op::matmul:
        return fold_product(id);
      case Op::add:
      case Op::mul:
      case Op::average_pool:
      case Op::global_average_pool:
        return fold_arithmetic(id);
      case Op::clamp:
        return fold_clamp(id);
      case Op::concat:
        if (fold_concat(id)) return true;
        return fold_move(id);
      case Op::reshape:
      case Op::transpose:
      case Op::max_pool:
        return fold_move(id);
      case Op::quantize_linear:
        return fold_pair(id);
      default:
        return false;
    }
  }

  std::optional<Operand> operand(ValueId value) const {
    const Node* source = dequantize_before(graph_, value);
    if (source == nullptr) return std::nullopt;
    const std::optional<ValueQuantisation> quantisation = quantisation_of(graph_, *source);
    if (!quantisation) return std::nullopt;
    return Operand{source->inputs.front(), *quantisation};
  }

  std::vector<Operand> operands(NodeId id) const {
    std::vector<Operand> all;
    for (ValueId input : graph_.node(id).inputs) {
      const std::optional<Operand> one = operand(input);
      if (!one) return {};
      all.push_back(*one);
    }
    const bool computed = std::any_of(all.begin(), all.end(),
                                      [&](const Operand& one) { return !graph_.is_constant(one.stored); });
    return computed ? all : std::vector<Operand>{};
  }

  // The quantize_linear that takes the node's result, if nothing else does.
  NodeId quantize_after(NodeId id, ValueQuantisation& quantisation) const {
    const NodeId next = graph_.sole_consumer(graph_.node(id).outputs.front());
    if (next == kNoNode || graph_.node(next).op != Op::quantize_linear) return kNoNode;
    const std::optional<ValueQuantisation> given = quantisation_of(graph_, graph_.node(next));
    if (!given || !can_label(graph_.node(next).outputs.front(), *given)) return kNoNode;
    quantisation = *given;
    return next;
  }

  // A value has one quantisation; a model may read the same numbers in two ways.
  bool can_label(ValueId id, const ValueQuantisation& quantisation) const {
    const Value& value = graph_.value(id);
    if (value.constant) return true;  // gets a value of its own
    return value.scale == 0 || ValueQuantisation{value.type, value.scale, value.zero_point} == quantisation;
  }
  bool can_label(std::vector<Operand> all) const {
    for (const Operand& one : all) {
      if (!can_label(one.stored, one.quantisation)) return false;
    }
    std::sort(all.begin(), all.end(), [](const Operand& a, const Operand& b) { return a.stored < b.stored; });
    const auto clash = std::adjacent_find(all.begin(), all.end(), [&](const Operand& a, const Operand& b) {
      return a.stored == b.stored && !graph_.is_constant(a.stored) && !(a.quantisation == b.quantisation);
    });
    return !all.empty() && clash == all.end();
  }
  void label(ValueId id, const ValueQuantisation& quantisation) {
    graph_.value(id).scale = quantisation.scale;
    graph_.value(id).zero_point = quantisation.zero_point;
  }
  // The operand as an input of an integer layer.
  ValueId take(const Operand& one, const std::string& name) {
    if (graph_.is_constant(one.stored))
      return add_quantised_constant(graph_, name, one.stored, one.quantisation);
    label(one.stored, one.quantisation);
    return one.stored;
  }

  // Lets the node write what `quantize` gave.
  void become_integer(NodeId id, std::vector<ValueId> inputs, NodeId quantize, const ValueQuantisation& y) {
    const ValueId result = graph_.node(quantize).outputs.front();
    graph_.remove_node(quantize);
    write_to(id, result, y);
    graph_.node(id).inputs = std::move(inputs);
  }
  void write_to(NodeId id, ValueId result, const ValueQuantisation& y) {
    Node& node = graph_.node(id);
    graph_.value(node.outputs.front()).producer = kNoNode;
    node.outputs = {result};
    node.quantised = true;
    graph_.value(result).producer = id;
    label(result, y);
  }

  Result<bool> fold_product(NodeId id) {
    ValueQuantisation y;
    const NodeId quantize = quantize_after(id, y);
    const std::optional<Operand> x = operand(graph_.node(id).inputs.front());
    if (quantize == kNoNode || !x || graph_.is_constant(x->stored) || !can_label({*x})) return false;
    const Node before = graph_.node(id);
    Result<std::optional<IntegerOperands>> weights = integer_operands(graph_, before, x->quantisation, y);
    if (!weights) return std::move(weights).error();
    if (!*weights) return false;
    std::vector<ValueId> inputs{take(*x, {}), (*weights)->weight, (*weights)->bias};
    if ((*weights)->scales != kNoValue) inputs.push_back((*weights)->scales);
    become_integer(id, std::move(inputs), quantize, y);
    Node& node = graph_.node(id);
    if (node.op == Op::matmul && graph_.value(x->stored).shape->rank() == 2) become_gemm(node);
    return true;
  }

  bool fold_arithmetic(NodeId id) {
    ValueQuantisation y;
    const NodeId quantize = quantize_after(id, y);
    const std::vector<Operand> all = operands(id);
    if (quantize == kNoNode || !can_label(all)) return false;
    double product = 1 / static_cast<double>(y.scale);
    for (const Operand& one : all) {
      product *= static_cast<double>(one.quantisation.scale);
      const bool scaled = graph_.node(id).op == Op::mul || is_valid_multiplier(ratio(one.quantisation, y));
      if (!scaled) return false;
    }
    if (graph_.node(id).op == Op::mul && !is_valid_multiplier(product)) return false;
    std::vector<ValueId> inputs;
    inputs.reserve(all.size());
    for (const Operand& one : all) inputs.push_back(take(one, graph_.node(id).id + ".operand"));
    become_integer(id, std::move(inputs), quantize, y);
    return true;
  }

  // Without a quantize_linear after it the bounds might be numbers that the quantisation does not have.
  bool fold_clamp(NodeId id) {
    ValueQuantisation y;
    const NodeId quantize = quantize_after(id, y);
    const std::vector<Operand> x = operands(id);
    if (quantize == kNoNode || !can_label(x) || !is_valid_multiplier(ratio(x.front().quantisation, y)))
      return false;
    const bool same = x.front().quantisation == y;
    become_integer(id, {take(x.front(), {})}, quantize, y);
    if (same) return true;
    Node& node = graph_.node(id);
    node.op = Op::quantize_linear;
    node.clamp = Clamp{node.attributes.real("min"), node.attributes.real("max")};
    node.attributes = {};
    return true;
  }

  // Moves the node before the dequantize_linear that all its operands come from.
  bool fold_move(NodeId id) {
    const std::vector<Operand> all = operands(id);
    if (!can_label(all)) return false;
    const ValueQuantisation x = all.front().quantisation;
    for (const Operand& one : all) {
      if (!(one.quantisation == x)) return false;
    }
    if (graph_.node(id).clamp) {
      ValueQuantisation y;
      const NodeId quantize = quantize_after(id, y);
      if (quantize == kNoNode || !(y == x)) return false;
      become_integer(id, {take(all.front(), {})}, quantize, y);
      return true;
    }
    const ValueId real = graph_.node(id).outputs.front();
    Value stored;
    stored.name = graph_.node(id).id + ".stored";
    stored.type = x.type;
    stored.shape = graph_.value(real).shape;
    stored.bounded = graph_.value(real).bounded;
    std::vector<ValueId> inputs;
    inputs.reserve(all.size());
    for (const Operand& one : all) inputs.push_back(take(one, graph_.node(id).id + ".operand"));
    const ValueId result = graph_.add_value(std::move(stored));
    write_to(id, result, x);
    graph_.node(id).inputs = std::move(inputs);
    Node after{Op::dequantize_linear, graph_.node(id).id + ".dequantize", {}, {}, {result}, {real}};
    after.attributes.set("scale", std::vector<float>{x.scale});
    after.attributes.set("zero_point", std::vector<std::int64_t>{x.zero_point});
    graph_.add_node(std::move(after));
    return true;
  }

  // Operands of a concat that are quantised otherwise than its result are quantised again, one by one.
  bool fold_concat(NodeId id) {
    ValueQuantisation y;
    const NodeId quantize = quantize_after(id, y);
    const std::vector<Operand> all = operands(id);
    if (quantize == kNoNode || !can_label(all)) return false;
    for (const Operand& one : all) {
      const bool same = one.quantisation == y;
      if (!same && (graph_.is_constant(one.stored) || !is_valid_multiplier(ratio(one.quantisation, y))))
        return false;
    }
    std::vector<ValueId> inputs;
    inputs.reserve(all.size());
    for (const Operand& one : all) {
      const std::string name = graph_.node(id).id + "." + std::to_string(inputs.size());
      const ValueId taken = take(one, name);
      inputs.push_back(one.quantisation == y ? taken : quantise_again(taken, name, y));
    }
    become_integer(id, std::move(inputs), quantize, y);
    return true;
  }

  ValueId quantise_again(ValueId from, const std::string& id, const ValueQuantisation& y) {
    Value value;
    value.name = id;
    value.type = y.type;
    value.shape = graph_.value(from).shape;
    value.bounded = graph_.value(from).bounded;
    const ValueId result = graph_.add_value(std::move(value));
    label(result, y);
    Node node{Op::quantize_linear, id, {}, {}, {from}, {result}};
    node.quantised = true;
    graph_.add_node(std::move(node));
    return result;
  }

  // From one quantisation to another, or to the same, which is nothing to do.
  bool fold_pair(NodeId id) {
    const std::optional<ValueQuantisation> y = quantisation_of(graph_, graph_.node(id));
    const std::vector<Operand> x = operands(id);
    if (!y || x.empty()) return false;
    const ValueId result = graph_.node(id).outputs.front();
    if (x.front().quantisation == *y) {
      graph_.replace_uses(result, x.front().stored);
      graph_.remove_node(id);
      return true;
    }
    if (!can_label(x) || !can_label(result, *y) || !is_valid_multiplier(ratio(x.front().quantisation, *y)))
      return false;
    Node& node = graph_.node(id);
    node.inputs = {take(x.front(), {})};
    node.attributes = {};
    node.quantised = true;
    label(result, *y);
    return true;
  }

  Graph& graph_;
};

}  // namespace

Result<bool> fold_qdq(Graph& graph, PassContext& context) {
  Result<bool> folded = QuantisedFolding(graph).run();
  if (!folded) return folded;
  // The first time, whatever is still dequantised from constants is left to the next round.
  return !std::exchange(context.folded_qdq, true) || *folded;
}

}  // namespace fettle::graph
