// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/random_graph.h"

#include "tests/fuzz/graphs/makers.h"

#include <algorithm>

namespace fettle::fuzz {
namespace {

using graph::Node;
using graph::NodeId;
using graph::Value;

constexpr int kMostSteps = 24;

std::vector<GraphMaker> all_makers() {
  std::vector<GraphMaker> makers;
  for (const auto& family : {window_makers(), elementwise_makers(), movement_makers(), composed_makers(),
                             quantised_makers(), indexing_makers(), sampling_makers(), recurrent_makers()})
    makers.insert(makers.end(), family.begin(), family.end());
  return makers;
}

void step(GraphBuilder& g) {
  static const std::vector<GraphMaker> makers = all_makers();
  const GraphMaker maker = g.bytes().one_of(makers);
  // Now and then a constant, so that there is something to fold.
  const ValueId x = g.bytes().once_in(10) ? g.constant({1, g.bytes().number(1, 4), 3, 3}) : g.any_value();
  if (!g.is_float(x)) return;
  // Values without elements are allowed, but what follows from them is soon of little interest.
  if (g.shape(x).elements() > 0 || g.bytes().once_in(8)) maker(g, x);
}

// Lets a node take another value of the same type and shape that lies before it: valid still, and unlike what
// any exporter writes.
void rewire(GraphBuilder& g) {
  graph::Graph& graph = g.graph();
  if (graph.node_count() == 0) return;
  const auto id = static_cast<NodeId>(g.bytes().number(0, static_cast<std::int64_t>(graph.node_count()) - 1));
  Node& node = graph.node(id);
  if (node.removed || node.inputs.empty()) return;
  // Nodes that a rule has made come later than the one that uses them.
  const std::vector<ValueId>& made = g.values();
  if (std::find(made.begin(), made.end(), node.outputs.front()) == made.end()) return;
  ValueId& input = g.bytes().one_of(node.inputs);
  const ValueId other = g.bytes().one_of(g.values());
  if (input == kNoValue) return;
  const Value& from = graph.value(input);
  const Value& to = graph.value(other);
  const bool before = to.producer < id && to.bounded == 0 && from.bounded == 0;
  // Jumping operators keep their exact operand.
  const bool exact = g.is_exact(other) || !g.is_exact(input);
  if (from.constant == nullptr && before && exact && from.type == to.type && from.shape == to.shape)
    input = other;
}

void choose_outputs(GraphBuilder& g) {
  for (auto count = g.bytes().number(0, 3); count >= 0; --count) {
    const ValueId id = g.graph().outputs.empty() ? g.values().back() : g.bytes().one_of(g.values());
    if (g.is_float(id)) g.graph().outputs.push_back(id);
  }
}

}  // namespace

graph::Graph random_graph(ByteSource& bytes) {
  GraphBuilder g(bytes);
  g.add_input();
  if (bytes.once_in(3)) g.add_input();
  for (int count = 0; count < kMostSteps && !bytes.empty(); ++count) {
    if (bytes.once_in(12))
      rewire(g);
    else
      step(g);
  }
  choose_outputs(g);
  return std::move(g.graph());
}

}  // namespace fettle::fuzz
