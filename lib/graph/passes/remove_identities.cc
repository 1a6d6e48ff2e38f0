// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

#include <algorithm>
#include <limits>

namespace fettle::graph {
namespace {

bool all_equal(std::span<const std::int64_t> values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == wanted; });
}

bool is_identity_permutation(std::span<const std::int64_t> perm) {
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

// Whether the node gives its first input unchanged.
bool does_nothing(const Graph& graph, const Node& node) {
  const Value& from = graph.value(node.inputs.front());
  const Value& to = graph.value(node.outputs.front());
  if (!from.shape || !to.shape || from.type != to.type || !(*from.shape == *to.shape) || node.clamp)
    return false;
  // Equal bounds do not make equal extents.
  const bool keeps_extents = node.op == Op::identity || node.op == Op::cast || node.op == Op::clamp ||
                             node.op == Op::transpose || node.op == Op::concat;
  if ((from.bounded | to.bounded) != 0 && !keeps_extents) return false;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (node.op) {
    case Op::identity:
    case Op::reshape:
    case Op::expand:
    case Op::cast:
    case Op::slice:  // a box of the same size, unless it runs backwards
      return node.op != Op::slice || all_equal(node.attributes.integers("steps"), 1);
    case Op::tile:
      return true;
    case Op::transpose:
      return is_identity_permutation(node.attributes.integers("perm"));
    case Op::pad:
      return all_equal(node.attributes.integers("pads"), 0);
    case Op::concat:
    case Op::split:
      return node.inputs.size() == 1 && node.outputs.size() == 1;
    case Op::clamp:
      return node.attributes.real("min") == -kInfinity && node.attributes.real("max") == kInfinity;
    default:
      return false;
  }
}

}  // namespace

Result<bool> remove_identities(Graph& graph, PassContext&) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const Node& node = graph.node(id);
    if (node.removed || node.inputs.empty() || node.outputs.empty() || node.inputs.front() == kNoValue)
      continue;
    if (!does_nothing(graph, node)) continue;
    const ValueId from = node.inputs.front();
    const ValueId to = node.outputs.front();
    graph.replace_uses(to, from);
    graph.remove_node(id);
    changed = true;
  }
  return changed;
}

}  // namespace fettle::graph
