// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/conditions.h"
#include "lib/graph/imported.h"
#include "lib/graph/passes.h"
#include "lib/graph/verify.h"

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace fettle::graph {
namespace {

struct NamedPass {
  std::string_view name;
  Result<bool> (*run)(Graph&, PassContext&);
};

constexpr NamedPass kPasses[] = {
    {"simplify", simplify},
    {"remove_identities", remove_identities},
    {"remove_dead", remove_dead},
    {"widen_floats", widen_floats},
    {"split_einsum", split_einsum},
    {"fuse_dynamic_products", fuse_dynamic_products},
    {"fold_linear", fold_linear},
    {"recognise_composed", recognise_composed},
    {"remove_dead", remove_dead},
    {"cancel_transposes", cancel_transposes},
    {"recognise_rotary", recognise_rotary},
    {"fuse_products", fuse_products},
    {"recognise_attention", recognise_attention},
    {"remove_dead", remove_dead},
    {"fold_pad", fold_pad},
    {"trim_windows", trim_windows},
    {"fuse_clamp", fuse_clamp},
    {"fold_qdq", fold_qdq},
    {"remove_identities", remove_identities},
    {"remove_dead", remove_dead},
};

// Each round can only enable rewrites that make the graph smaller, so a few suffice; the bound guards against
// a mistake.
constexpr int kMaxRounds = 10;

std::map<Op, int> count_operators(const Graph& graph) {
  std::map<Op, int> counts;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (!node.removed) ++counts[node.op];
  }
  return counts;
}

std::map<Op, int> difference(std::map<Op, int> after, const std::map<Op, int>& before) {
  for (const auto& [op, count] : before) after[op] -= count;
  std::erase_if(after, [](const auto& entry) { return entry.second == 0; });
  return after;
}

// Runs the pass and notes what it did. Whether it changed anything.
Result<bool> run_noted(const NamedPass& pass, int round, Graph& graph, PassContext& context) {
  using Clock = std::chrono::steady_clock;
  PassInfo info;
  info.name = pass.name;
  info.round = round;
  info.nodes_before = graph.live_nodes();
  const std::map<Op, int> before = count_operators(graph);
  const Clock::time_point begin = Clock::now();
  Result<bool> changed = pass.run(graph, context);
  if (!changed) return changed;
  info.us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  info.nodes_after = graph.live_nodes();
  info.operators = difference(count_operators(graph), before);
  // What makes nodes canonical on the way (relu a clamp) is no reason for another round.
  info.changed = *changed || !info.operators.empty();
#if FETTLE_VERIFY_PASSES
  // What the importer left out leaves values without a producer; such a model is refused anyway.
  if (context.problems.empty()) {
    const std::string broken = verify(graph);
    if (!broken.empty())
      return Error(ErrorCode::kInternal, graph.name + ": pass " + std::string(pass.name) + ": " + broken);
  }
#endif
  context.passes.push_back(std::move(info));
  return changed;
}

}  // namespace

Status optimise(Graph& graph, PassContext& context) {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    for (const NamedPass& pass : kPasses) {
      Result<bool> result = run_noted(pass, round, graph, context);
      if (!result) return std::move(result).error();
      if (!context.problems.empty()) return problems_error(graph.name, std::move(context.problems));
      changed = changed || *result;
    }
    if (!changed) break;
  }
  return graph.compact(order_of_conditions(graph));
}

}  // namespace fettle::graph
