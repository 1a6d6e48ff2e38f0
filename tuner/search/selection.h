// SPDX-License-Identifier: Apache-2.0
//
// A selection problem: decisions (nodes) that each take one of their options so that a sum of costs is least
// and every constraint holds. This file says what a problem and an answer are; solvers are files of their
// own.
//
// Costs are additive: an option has a cost, and an edge adds the entry of its matrix for the options that its
// two ends take. There may be several objectives (time, bytes of weights, error), each with costs of its own;
// what is minimised is one of them or their weighted sum. An infinite cost in any objective forbids the
// option or the pair, whatever the weights.
//
// Constraints are linear. A step has a capacity, and options occupy an amount of it (memory: a tensor
// occupies its bytes in every step in which it is alive). A budget limits the sum of amounts over all nodes
// (a loss of accuracy).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace fettle::tuner {

inline constexpr double kForbidden = std::numeric_limits<double>::infinity();

/// The amounts of the chosen options, summed over the nodes, are at most `limit`.
struct LinearConstraint {
  double limit = 0;
  std::map<int, std::vector<double>> amounts;  ///< by node: one finite number per option; other nodes add 0

  /// How far a sum may be above the limit, because sums are rounded.
  double rounding() const;
  /// The sum for a full choice.
  double sum(const std::vector<int>& choice) const;
  /// Whether a full choice obeys it, but for rounding.
  bool holds(const std::vector<int>& choice) const;
};

/// Costs of an edge, row-major: [option of the first node][option of the second].
using EdgeMatrix = std::vector<double>;
/// Edges by their two nodes, the smaller first.
using EdgeMatrices = std::map<std::pair<int, int>, EdgeMatrix>;
/// Adds to the edge between two different nodes with so many options; `matrix` is [option of a][option of b].
void add_to_edge(EdgeMatrices& edges, int a, std::size_t options_of_a, int b, std::size_t options_of_b,
                 const EdgeMatrix& matrix);

/// Build it with the members that add and set, then hand it to a Solver. Nodes, objectives, steps and budgets
/// are numbered from 0 in the order in which they are made. All costs are numbers or +infinity, all amounts
/// finite. Not synchronised: a problem that is no longer changed may be read by several threads.
class SelectionProblem {
 public:
  /// At least one objective; objective 0 is minimised unless minimise() says otherwise.
  explicit SelectionProblem(int objectives = 1);

  /// Minimises one objective; the others still forbid.
  void minimise(int objective);
  /// Minimises the weighted sum; one finite weight per objective.
  void minimise(std::vector<double> weights);

  /// A node with at least one option: their costs in objective 0, nothing in the others. Gives its number.
  int add_node(const std::vector<double>& costs);
  /// Adds to what a node's options cost in an objective.
  void add_costs(int node, const std::vector<double>& costs, int objective = 0);
  /// Adds costs for the options that two different nodes take; `matrix` is [option of a][option of b].
  void add_edge(int a, int b, const EdgeMatrix& matrix, int objective = 0);

  /// A step with room for `capacity`. Gives its number.
  int add_step(double capacity);
  /// The option adds `amount` to each of the steps `first` to `last`.
  void occupy(int node, int option, int first, int last, double amount);
  /// A budget: the sum over nodes of what their options spend is at most `limit`. Gives its number.
  int add_budget(double limit);
  /// Adds to what a node's options spend of a budget.
  void spend(int budget, int node, const std::vector<double>& amounts);

  int node_count() const noexcept { return static_cast<int>(options_.size()); }
  int option_count(int node) const { return options_[static_cast<std::size_t>(node)]; }
  int objective_count() const noexcept { return static_cast<int>(objectives_.size()); }
  const std::vector<LinearConstraint>& steps() const noexcept { return steps_; }
  const std::vector<LinearConstraint>& budgets() const noexcept { return budgets_; }

  /// What each option of each node costs in what is minimised.
  std::vector<std::vector<double>> node_costs() const;
  /// What each edge costs in what is minimised.
  EdgeMatrices edge_costs() const;

  /// A full choice in one objective.
  double total(const std::vector<int>& choice, int objective) const;
  /// A full choice in what is minimised; infinite when it takes what is forbidden.
  double cost_of(const std::vector<int>& choice) const;
  /// Whether a full choice obeys every constraint, but for rounding.
  bool fits(const std::vector<int>& choice) const;

 private:
  struct ObjectiveCosts {
    std::vector<std::vector<double>> nodes;
    EdgeMatrices edges;
  };
  double weighted(double cost, std::size_t objective) const;

  std::vector<int> options_;
  std::vector<double> weights_;
  std::vector<ObjectiveCosts> objectives_;
  std::vector<LinearConstraint> steps_;
  std::vector<LinearConstraint> budgets_;
};

/// How long a solver may search. Problems without constraints on which reductions suffice need no search.
struct SearchBudget {
  /// Wall-clock time. When it is over the best choice so far is the answer; the first descent is always
  /// finished, so that there is one where that leads to one.
  double seconds = 10;
  /// Options tried, a limit that gives the same answer on every machine. It ends the search only once there
  /// is an answer.
  std::int64_t branches = 200'000;
};

/// What a solver found.
struct SelectionAnswer {
  std::vector<int> choice;           ///< an option per node; empty unless `feasible`
  std::vector<double> totals;        ///< of the choice in each objective; empty likewise
  double cost = kForbidden;          ///< of the choice in what is minimised
  double lower_bound = -kForbidden;  ///< no choice costs less; infinite: nothing is allowed
  bool feasible = false;             ///< `choice` takes nothing forbidden and fits
  bool optimal = false;              ///< proved: nothing costs less, or nothing fits at all
  std::int64_t branches = 0;         ///< options tried; 0 when no search was needed
};

/// Anything that solves selection problems; the problem is not changed.
using Solver = SelectionAnswer (*)(const SelectionProblem& problem, const SearchBudget& budget);

}  // namespace fettle::tuner
