// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

#include <algorithm>

namespace fettle::graph {
namespace {

// Zero padding of the spatial axes alone, by amounts that only add.
bool pads_pictures_with_zeros(const Node& pad) {
  // A value that is computed is an operand; the attribute then says nothing.
  const bool zeros = pad.inputs.size() == 1 && pad.attributes.real("value") == 0;
  if (pad.op != Op::pad || pad.attributes.string("mode") != "constant" || !zeros) return false;
  const auto pads = pad.attributes.integers("pads");
  const std::size_t rank = pads.size() / 2;
  if (rank < 3) return false;
  if (pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank + 1] != 0) return false;
  return std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p >= 0; });
}

// A quantised convolution pads with its zero point, which a pad of stored numbers knows nothing of.
bool takes_padding(const Node& node) { return node.op == Op::conv && !node.quantised; }

}  // namespace

Result<bool> fold_pad(Graph& graph, PassContext&) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    Node& node = graph.node(static_cast<NodeId>(i));
    if (node.removed || !takes_padding(node)) continue;
    const NodeId producer = graph.value(node.inputs.front()).producer;
    if (producer == kNoNode || !pads_pictures_with_zeros(graph.node(producer))) continue;
    const Node& pad = graph.node(producer);
    const auto outer = pad.attributes.integers("pads");
    const auto inner = node.attributes.integers("pads");
    const std::size_t axes = inner.size() / 2;
    std::vector<std::int64_t> sum(inner.begin(), inner.end());
    for (std::size_t axis = 0; axis < axes; ++axis) {
      sum[axis] += outer[axis + 2];
      sum[axis + axes] += outer[axis + 2 + axes + 2];
    }
    node.attributes.set("pads", std::move(sum));
    node.inputs.front() = pad.inputs.front();
    changed = true;
  }
  return changed;
}

}  // namespace fettle::graph
