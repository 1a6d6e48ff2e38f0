// SPDX-License-Identifier: Apache-2.0
//
// The graph of a partitioned boolean quadratic problem while it is being solved: it shrinks as nodes are
// eliminated or fixed, and its costs move between nodes and edges, without changing what any full choice
// costs.
#pragma once

#include "tuner/search/selection.h"

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace fettle::tuner {

/// Of at least one cost.
double smallest_cost(const std::vector<double>& costs);

struct PbqpGraph {
  std::vector<std::vector<double>> costs;  ///< by node
  std::vector<std::set<int>> neighbours;   ///< by node
  std::vector<char> alive;                 ///< by node: neither eliminated nor fixed
  EdgeMatrices edges;
  double constant = 0;  ///< part of every choice's cost

  /// The problem's costs in what it minimises; its constraints are left out.
  explicit PbqpGraph(const SelectionProblem& problem);

  /// An edge's matrix with the options of `a` as rows, taken out of the graph.
  EdgeMatrix take_edge(int a, int b);
  /// Adds an edge; edges between the same two nodes add up.
  void add_edge(int a, int b, const EdgeMatrix& matrix);
  /// What a full choice costs; only while no node has been eliminated.
  double cost_of(const std::vector<int>& choice) const;
  /// A lower bound, by min-sum diffusion, on the cost of everything alive, without `constant`.
  /// Reparametrises: the costs of nodes become good guides for branching.
  double bound();
};

/// A node that has been taken out of a graph, and how to choose its option once the neighbours that it had
/// have theirs.
struct EliminatedNode {
  int node = -1;
  std::vector<double> costs;
  std::vector<std::pair<int, EdgeMatrix>> edges;  ///< neighbour, [option of node][option of neighbour]
};

/// Takes out a node of at most two neighbours (the reductions R0, R1 and R2): what it costs at least is added
/// to theirs. Exact where no constraint tells its options apart.
EliminatedNode eliminate(PbqpGraph& graph, int node);
/// Takes out a node that is given an option.
EliminatedNode fix(PbqpGraph& graph, int node, int option);

/// The number of operations of eliminating a node.
std::size_t elimination_work(const PbqpGraph& graph, int node);

}  // namespace fettle::tuner
