// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

#include <algorithm>

namespace fettle::graph {

Result<bool> remove_dead(Graph& graph, PassContext&) {
  Result<std::vector<NodeId>> order = graph.topological_order();
  if (!order) return std::move(order).error();
  std::vector<int> uses = graph.use_counts();
  bool changed = false;
  // Users come after producers, so one walk from the end finds chains of dead nodes.
  for (auto id = order->rbegin(); id != order->rend(); ++id) {
    const Node& node = graph.node(*id);
    const bool live = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
      return v != kNoValue && uses[static_cast<std::size_t>(v)] > 0;
    });
    if (live) continue;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) --uses[static_cast<std::size_t>(input)];
    }
    graph.remove_node(*id);
    changed = true;
  }
  return changed;
}

}  // namespace fettle::graph
