// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes.h"

#include <algorithm>

namespace fettle::graph {
namespace {

// Operators whose every kernel applies a clamp to its result, or leaves it to a step that the compiler adds.
constexpr Op kClamping[] = {
    Op::conv,         Op::conv_transpose,     Op::gemm, Op::add, Op::sub, Op::mul, Op::div, Op::max_pool,
    Op::average_pool, Op::global_average_pool};

bool can_clamp(Op op) {
  return std::find(std::begin(kClamping), std::end(kClamping), op) != std::end(kClamping);
}

}  // namespace

Result<bool> fuse_clamp(Graph& graph, PassContext&) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const Node& clamp = graph.node(id);
    if (clamp.removed || clamp.op != Op::clamp) continue;
    const ValueId between = clamp.inputs.front();
    const NodeId producer = graph.value(between).producer;
    if (producer == kNoNode || graph.sole_consumer(between) != id) continue;
    Node& before = graph.node(producer);
    const bool fits = can_clamp(before.op) || before.op == Op::clamp;
    const bool same_numbers =
        graph.value(between).type == DataType::f32 || (clamp.quantised && before.quantised);
    if (!fits || before.outputs.size() != 1 || !same_numbers) continue;
    Clamp bounds{clamp.attributes.real("min"), clamp.attributes.real("max")};
    const std::optional<Clamp> inner =
        before.op == Op::clamp ? Clamp{before.attributes.real("min"), before.attributes.real("max")}
                               : before.clamp;
    if (inner)
      bounds = {std::clamp(inner->low, bounds.low, bounds.high),
                std::clamp(inner->high, bounds.low, bounds.high)};
    if (before.op == Op::clamp) {
      before.attributes.set("min", bounds.low);
      before.attributes.set("max", bounds.high);
    } else {
      before.clamp = bounds;
    }
    const ValueId result = clamp.outputs.front();
    graph.remove_node(id);
    before.outputs.front() = result;
    graph.value(result).producer = producer;
    graph.value(between).producer = kNoNode;
    changed = true;
  }
  return changed;
}

}  // namespace fettle::graph
