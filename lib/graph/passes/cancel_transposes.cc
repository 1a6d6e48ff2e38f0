// SPDX-License-Identifier: Apache-2.0
//
// Transposes that undo each other, transposes that only move extents of 1 (reshapes), and reshapes of
// reshapes.
#include "lib/graph/passes.h"

#include <utility>

namespace fettle::graph {
namespace {

// Whether the axes that have more than one element keep their order.
bool moves_only_ones(const Shape& shape, std::span<const std::int64_t> perm) {
  std::int64_t last = -1;
  for (std::int64_t axis : perm) {
    if (shape[static_cast<int>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool merge_transposes(Graph& graph, Node& node, const Node& before) {
  const auto first = before.attributes.integers("perm");
  const auto second = node.attributes.integers("perm");
  std::vector<std::int64_t> both;
  for (std::int64_t axis : second) both.push_back(first[static_cast<std::size_t>(axis)]);
  node.attributes.set("perm", std::move(both));
  node.inputs.front() = before.inputs.front();
  return graph.value(node.inputs.front()).shape.has_value();
}

bool rewrite(Graph& graph, Node& node) {
  const Value& input = graph.value(node.inputs.front());
  if (!input.shape) return false;
  const bool bounded = input.bounded != 0 || graph.value(node.outputs.front()).bounded != 0;
  if (!bounded && node.op == Op::transpose &&
      moves_only_ones(*input.shape, node.attributes.integers("perm"))) {
    node.op = Op::reshape;
    node.attributes = {};
    return true;
  }
  if (input.producer == kNoNode) return false;
  const Node& before = graph.node(input.producer);
  if (node.op == Op::transpose && before.op == Op::transpose) return merge_transposes(graph, node, before);
  // A shape that is fixed whatever was before; extents that come from an operand need that operand.
  if (!bounded && node.op == Op::reshape && before.op == Op::reshape) {
    node.inputs.front() = before.inputs.front();
    return true;
  }
  return false;
}

}  // namespace

Result<bool> cancel_transposes(Graph& graph, PassContext&) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    Node& node = graph.node(static_cast<NodeId>(i));
    if (!node.removed && (node.op == Op::transpose || node.op == Op::reshape))
      changed = rewrite(graph, node) || changed;
  }
  return changed;
}

}  // namespace fettle::graph
