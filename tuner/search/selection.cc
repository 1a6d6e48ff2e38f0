// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/selection.h"

#include "tuner/at.h"

#include <algorithm>
#include <cmath>

namespace fettle::tuner {
namespace {

constexpr double kConstraintRounding = 1e-9;  // of the limit

void add_to(std::vector<double>& sums, const std::vector<double>& terms) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += terms[i];
}

// Where a choice finds its entry in an edge's matrix.
std::size_t matrix_entry(const std::pair<int, int>& ends, const std::vector<int>& choice, int columns) {
  return at(choice[at(ends.first)]) * at(columns) + at(choice[at(ends.second)]);
}

}  // namespace

void add_to_edge(EdgeMatrices& edges, int a, std::size_t options_of_a, int b, std::size_t options_of_b,
                 const EdgeMatrix& matrix) {
  EdgeMatrix& edge = edges[{std::min(a, b), std::max(a, b)}];
  edge.resize(options_of_a * options_of_b, 0.0);
  for (std::size_t i = 0; i < options_of_a; ++i) {
    for (std::size_t j = 0; j < options_of_b; ++j)
      edge[a < b ? i * options_of_b + j : j * options_of_a + i] += matrix[i * options_of_b + j];
  }
}

double LinearConstraint::rounding() const { return kConstraintRounding * std::abs(limit); }

double LinearConstraint::sum(const std::vector<int>& choice) const {
  double total = 0;
  for (const auto& [node, options] : amounts) total += options[at(choice[at(node)])];
  return total;
}

bool LinearConstraint::holds(const std::vector<int>& choice) const {
  return sum(choice) <= limit + rounding();
}

SelectionProblem::SelectionProblem(int objectives)
    : weights_(at(objectives), 0.0), objectives_(at(objectives)) {
  weights_[0] = 1;
}

void SelectionProblem::minimise(int objective) {
  weights_.assign(weights_.size(), 0.0);
  weights_[at(objective)] = 1;
}

void SelectionProblem::minimise(std::vector<double> weights) { weights_ = std::move(weights); }

int SelectionProblem::add_node(const std::vector<double>& costs) {
  for (ObjectiveCosts& objective : objectives_) objective.nodes.emplace_back(costs.size(), 0.0);
  objectives_[0].nodes.back() = costs;
  options_.push_back(static_cast<int>(costs.size()));
  return node_count() - 1;
}

void SelectionProblem::add_costs(int node, const std::vector<double>& costs, int objective) {
  add_to(objectives_[at(objective)].nodes[at(node)], costs);
}

void SelectionProblem::add_edge(int a, int b, const EdgeMatrix& matrix, int objective) {
  add_to_edge(objectives_[at(objective)].edges, a, at(option_count(a)), b, at(option_count(b)), matrix);
}

int SelectionProblem::add_step(double capacity) {
  steps_.push_back({capacity, {}});
  return static_cast<int>(steps_.size()) - 1;
}

void SelectionProblem::occupy(int node, int option, int first, int last, double amount) {
  for (int step = first; step <= last; ++step) {
    std::vector<double>& amounts = steps_[at(step)].amounts[node];
    amounts.resize(at(option_count(node)), 0.0);
    amounts[at(option)] += amount;
  }
}

int SelectionProblem::add_budget(double limit) {
  budgets_.push_back({limit, {}});
  return static_cast<int>(budgets_.size()) - 1;
}

void SelectionProblem::spend(int budget, int node, const std::vector<double>& amounts) {
  std::vector<double>& sums = budgets_[at(budget)].amounts[node];
  sums.resize(at(option_count(node)), 0.0);
  add_to(sums, amounts);
}

// Not a plain product: a weight of 0 must not turn what is forbidden into a NaN.
double SelectionProblem::weighted(double cost, std::size_t objective) const {
  return cost == kForbidden ? kForbidden : weights_[objective] * cost;
}

std::vector<std::vector<double>> SelectionProblem::node_costs() const {
  std::vector<std::vector<double>> sums;
  for (int options : options_) sums.emplace_back(at(options), 0.0);
  for (std::size_t k = 0; k < objectives_.size(); ++k) {
    for (std::size_t n = 0; n < sums.size(); ++n) {
      for (std::size_t i = 0; i < sums[n].size(); ++i) sums[n][i] += weighted(objectives_[k].nodes[n][i], k);
    }
  }
  return sums;
}

EdgeMatrices SelectionProblem::edge_costs() const {
  EdgeMatrices sums;
  for (std::size_t k = 0; k < objectives_.size(); ++k) {
    for (const auto& [ends, matrix] : objectives_[k].edges) {
      EdgeMatrix& sum = sums[ends];
      sum.resize(matrix.size(), 0.0);
      for (std::size_t i = 0; i < matrix.size(); ++i) sum[i] += weighted(matrix[i], k);
    }
  }
  return sums;
}

double SelectionProblem::total(const std::vector<int>& choice, int objective) const {
  const ObjectiveCosts& costs = objectives_[at(objective)];
  double sum = 0;
  for (std::size_t n = 0; n < costs.nodes.size(); ++n) sum += costs.nodes[n][at(choice[n])];
  for (const auto& [ends, matrix] : costs.edges)
    sum += matrix[matrix_entry(ends, choice, option_count(ends.second))];
  return sum;
}

double SelectionProblem::cost_of(const std::vector<int>& choice) const {
  double sum = 0;
  for (int k = 0; k < objective_count(); ++k) sum += weighted(total(choice, k), at(k));
  return sum;
}

bool SelectionProblem::fits(const std::vector<int>& choice) const {
  const auto holds = [&](const LinearConstraint& constraint) { return constraint.holds(choice); };
  return std::all_of(steps_.begin(), steps_.end(), holds) &&
         std::all_of(budgets_.begin(), budgets_.end(), holds);
}

}  // namespace fettle::tuner
