// SPDX-License-Identifier: Apache-2.0
//
// What is left of a problem's constraints at one point of a search.
//
// Options that no longer fit are forbidden. A constraint that can no longer be broken is dropped: it is
// slack. One that tells apart the options of only two nodes becomes an edge between them, and is dropped
// likewise. A node may be eliminated only while no binding constraint tells its options apart.
//
// Constraints may have a price per unit (Lagrange multipliers): the graph's costs then hold price * (sum of
// amounts - limit), which is never positive for a choice that fits, so that bounds stay valid and know of the
// constraints. When a constraint is dropped, its price is taken out of the graph again.
#pragma once

#include "tuner/search/pbqp_graph.h"
#include "tuner/search/selection.h"

#include <cstddef>
#include <vector>

namespace fettle::tuner {

class ConstraintState {
 public:
  /// No constraints.
  ConstraintState() = default;
  /// All of the problem's; it must outlive this.
  explicit ConstraintState(const SelectionProblem& problem);

  bool empty() const noexcept { return constraints_.empty(); }
  /// One number per constraint: steps first, then budgets.
  const std::vector<const LinearConstraint*>& constraints() const noexcept { return constraints_; }

  /// Sets the prices and adds them to a graph whose nodes are all alive.
  void set_prices(std::vector<double> prices, PbqpGraph& graph);
  /// Forbids options that cannot be part of a choice that fits. False: no choice does.
  bool propagate(PbqpGraph& graph);
  /// Whether a binding constraint tells the node's options apart; as of the last propagate().
  bool binds(int node) const;
  /// The node leaves the graph, with these costs; it has one option that is not forbidden, or is not bound.
  void leave(int node, const std::vector<double>& costs);
  /// Whether a full choice obeys every constraint.
  bool holds(const std::vector<int>& choice) const;

 private:
  bool tighten(std::size_t constraint, PbqpGraph& graph, bool& changed);
  void drop(std::size_t constraint, PbqpGraph& graph);
  void find_bound_nodes(const PbqpGraph& graph);

  std::vector<const LinearConstraint*> constraints_;
  std::vector<double> left_;  // what the limit leaves to nodes that are alive
  std::vector<double> prices_;
  std::vector<char> binding_;  // by constraint
  std::vector<char> bound_;    // by node
};

}  // namespace fettle::tuner
