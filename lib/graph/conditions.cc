// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/conditions.h"

#include <algorithm>
#include <optional>

namespace fettle::graph {
namespace {

using Conditions = std::vector<Condition>;

// Conditions that each use of a value has in common.
class Wanted {
 public:
  explicit Wanted(std::size_t values) : wanted_(values) {}

  void add(ValueId value, const Conditions& conditions) {
    if (value == kNoValue) return;
    std::optional<Conditions>& known = wanted_[static_cast<std::size_t>(value)];
    if (!known) {
      known = conditions;
      return;
    }
    const auto [end, other] =
        std::mismatch(known->begin(), known->end(), conditions.begin(), conditions.end());
    known->erase(end, known->end());
  }
  // Of all results of a node. What nothing wants is computed nevertheless.
  Conditions of(const Node& node) const {
    Wanted all(1);
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      if (const auto& known = wanted_[static_cast<std::size_t>(output)]) all.add(0, *known);
    }
    return all.wanted_.front().value_or(Conditions{});
  }

 private:
  std::vector<std::optional<Conditions>> wanted_;
};

bool has_select(const Graph& graph) {
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (!node.removed && node.op == Op::select) return true;
  }
  return false;
}

// By node, whatever the order in which they stand.
std::vector<Conditions> find(const Graph& graph, const std::vector<NodeId>& order) {
  std::vector<Conditions> found(graph.node_count());
  Wanted wanted(graph.value_count());
  for (const ValueId output : graph.outputs) wanted.add(output, {});
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    const Node& node = graph.node(*id);
    Conditions conditions = wanted.of(node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const bool side = node.op == Op::select && i > 0;
      if (side) conditions.push_back({node.inputs[0], i == 1});
      wanted.add(node.inputs[i], conditions);
      if (side) conditions.pop_back();
    }
    found[static_cast<std::size_t>(*id)] = std::move(conditions);
  }
  return found;
}

}  // namespace

std::vector<std::vector<Condition>> conditions_of(const Graph& graph) {
  const Result<std::vector<NodeId>> order = graph.topological_order();
  if (!order || !has_select(graph)) return std::vector<Conditions>(graph.node_count());
  return find(graph, *order);
}

std::vector<std::pair<NodeId, NodeId>> order_of_conditions(const Graph& graph) {
  std::vector<std::pair<NodeId, NodeId>> pairs;
  const std::vector<Conditions> found = conditions_of(graph);
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const Condition& condition : found[i]) {
      const NodeId producer = graph.value(condition.value).producer;
      if (producer != kNoNode) pairs.emplace_back(producer, static_cast<NodeId>(i));
    }
  }
  return pairs;
}

}  // namespace fettle::graph
