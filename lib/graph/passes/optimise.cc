// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/imported.h"
#include "lib/graph/passes.h"

#include <utility>

namespace fettle::graph {
namespace {

using Pass = Result<bool> (*)(Graph&, PassContext&);

constexpr Pass kPasses[] = {simplify,          remove_identities, remove_dead,        widen_floats,
                            split_einsum,      fold_linear,       recognise_composed, remove_dead,
                            cancel_transposes, fold_pad,          fuse_clamp,         fold_qdq,
                            remove_identities, remove_dead};

// Each round can only enable rewrites that make the graph smaller, so a few suffice; the bound guards against
// a mistake.
constexpr int kMaxRounds = 10;

}  // namespace

Status optimise(Graph& graph, PassContext& context) {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    for (Pass pass : kPasses) {
      Result<bool> result = pass(graph, context);
      if (!result) return std::move(result).error();
      if (!context.problems.empty()) return problems_error(graph.name, std::move(context.problems));
      changed = changed || *result;
    }
    if (!changed) break;
  }
  return graph.compact();
}

}  // namespace fettle::graph
