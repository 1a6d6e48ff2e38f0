// SPDX-License-Identifier: Apache-2.0
//
// Exact selection: a partitioned boolean quadratic problem. Each node takes one option of its cost vector,
// each edge adds the entry of its matrix for the two options taken; the sum is minimised. Infinite costs
// forbid.
//
// Nodes with at most two neighbours are eliminated exactly (R0, R1, R2), which solves chains and
// series-parallel networks in linear time. What is left is solved by branch and bound, with a bound from
// min-sum diffusion. Deterministic.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace fettle::tuner {

inline constexpr double kForbidden = std::numeric_limits<double>::infinity();

/// An answer: an option for each node, and its cost in the problem as given.
struct PbqpSolution {
  std::vector<int> choice;  ///< one a node; empty when there is no answer of finite cost
  double cost = kForbidden;
  bool optimal = false;       ///< proved (up to rounding); false when the budget of branches ran out first
  std::int64_t branches = 0;  ///< options tried in branch and bound; 0 when reductions alone solved it

  bool feasible() const noexcept { return cost < kForbidden; }
};

/// A problem. Build it with add_node and add_edge, then solve; solving does not change it.
class Pbqp {
 public:
  /// A node with one cost an option (at least one option, no NaN, no negative infinity). Gives its number: 0,
  /// 1, ...
  int add_node(std::vector<double> costs);
  /// Adds an edge between two different nodes; `matrix` is row-major, [option of a][option of b]. Edges
  /// between the same two nodes add up.
  void add_edge(int a, int b, const std::vector<double>& matrix);

  int node_count() const noexcept { return static_cast<int>(costs_.size()); }
  /// What a full choice costs.
  double cost_of(const std::vector<int>& choice) const;
  /// Solves; `most_branches` bounds the time (an answer is given in any case, where there is one along the
  /// first descent).
  PbqpSolution solve(std::int64_t most_branches = 200'000) const;

 private:
  friend class PbqpSearch;
  std::vector<std::vector<double>> costs_;
  std::map<std::pair<int, int>, std::vector<double>> edges_;  // the smaller node first
};

}  // namespace fettle::tuner
