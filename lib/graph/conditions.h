// SPDX-License-Identifier: Apache-2.0
//
// What is only wanted under a condition: a node all of whose results end in one side of a `select` need not
// run where the other side is taken. Found from the graph as it is, so that passes need to know nothing of
// it.
#pragma once

#include "lib/graph/graph.h"

#include <utility>
#include <vector>

namespace fettle::graph {

/// A computed boolean, and what it has to be.
struct Condition {
  ValueId value = kNoValue;
  bool holds = true;
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// For each node the conditions under which its results are wanted, the outermost first: where one does not
/// hold, those behind it may not have been computed. Empty: always.
std::vector<std::vector<Condition>> conditions_of(const Graph& graph);

/// Which nodes have to run before which others, beside those that compute their operands: conditions before
/// what depends on them. There is no cycle: what a condition is computed from is wanted without it.
std::vector<std::pair<NodeId, NodeId>> order_of_conditions(const Graph& graph);

}  // namespace fettle::graph
