// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/constraint_state.h"

#include "tuner/at.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace fettle::tuner {
namespace {

struct AmountRange {
  double least = kForbidden;
  double most = -kForbidden;
};

// Of the options that are not forbidden.
AmountRange range_of(const std::vector<double>& amounts, const std::vector<double>& costs) {
  AmountRange range;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    if (costs[i] == kForbidden) continue;
    range.least = std::min(range.least, amounts[i]);
    range.most = std::max(range.most, amounts[i]);
  }
  return range;
}

// A node whose options differ in what they use of a constraint.
struct Member {
  int node;
  const std::vector<double>* amounts;
  double least;
};

// Between two nodes a constraint is an edge.
void forbid_pairs(const Member& a, const Member& b, double room, PbqpGraph& graph) {
  EdgeMatrix matrix;
  for (double amount : *a.amounts) {
    for (double other : *b.amounts)
      matrix.push_back(amount - a.least + (other - b.least) <= room ? 0.0 : kForbidden);
  }
  graph.add_edge(a.node, b.node, matrix);
}

}  // namespace

ConstraintState::ConstraintState(const SelectionProblem& problem) {
  for (const LinearConstraint& step : problem.steps()) constraints_.push_back(&step);
  for (const LinearConstraint& budget : problem.budgets()) constraints_.push_back(&budget);
  for (const LinearConstraint* constraint : constraints_) left_.push_back(constraint->limit);
  prices_.assign(constraints_.size(), 0.0);
  binding_.assign(constraints_.size(), 1);
  bound_.assign(at(problem.node_count()), 0);
}

void ConstraintState::set_prices(std::vector<double> prices, PbqpGraph& graph) {
  prices_ = std::move(prices);
  for (std::size_t c = 0; c < constraints_.size(); ++c) {
    graph.constant -= prices_[c] * constraints_[c]->limit;
    for (const auto& [node, amounts] : constraints_[c]->amounts) {
      for (std::size_t i = 0; i < amounts.size(); ++i) graph.costs[at(node)][i] += prices_[c] * amounts[i];
    }
  }
}

bool ConstraintState::propagate(PbqpGraph& graph) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t c = 0; c < constraints_.size(); ++c) {
      if (binding_[c] != 0 && !tighten(c, graph, changed)) return false;
    }
  }
  find_bound_nodes(graph);
  return true;
}

bool ConstraintState::tighten(std::size_t constraint, PbqpGraph& graph, bool& changed) {
  const LinearConstraint& whole = *constraints_[constraint];
  double least = 0;
  double most = 0;
  std::vector<Member> varying;
  for (const auto& [node, amounts] : whole.amounts) {
    if (graph.alive[at(node)] == 0) continue;
    const AmountRange range = range_of(amounts, graph.costs[at(node)]);
    if (range.least == kForbidden) return false;  // a node without options
    least += range.least;
    most += range.most;
    if (range.most > range.least) varying.push_back({node, &amounts, range.least});
  }
  const double room = left_[constraint] + whole.rounding() - least;
  if (room < 0) return false;
  if (most <= left_[constraint]) {
    drop(constraint, graph);
    return true;
  }
  for (const Member& member : varying) {
    std::vector<double>& costs = graph.costs[at(member.node)];
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (costs[i] == kForbidden || (*member.amounts)[i] - member.least <= room) continue;
      costs[i] = kForbidden;
      changed = true;
    }
  }
  if (varying.size() == 2) {
    forbid_pairs(varying[0], varying[1], room, graph);
    drop(constraint, graph);
  }
  return true;
}

void ConstraintState::drop(std::size_t constraint, PbqpGraph& graph) {
  binding_[constraint] = 0;
  if (prices_[constraint] == 0) return;
  graph.constant += prices_[constraint] * left_[constraint];
  for (const auto& [node, amounts] : constraints_[constraint]->amounts) {
    if (graph.alive[at(node)] == 0) continue;
    for (std::size_t i = 0; i < amounts.size(); ++i)
      graph.costs[at(node)][i] -= prices_[constraint] * amounts[i];
  }
}

void ConstraintState::find_bound_nodes(const PbqpGraph& graph) {
  std::fill(bound_.begin(), bound_.end(), char{0});
  for (std::size_t c = 0; c < constraints_.size(); ++c) {
    if (binding_[c] == 0) continue;
    for (const auto& [node, amounts] : constraints_[c]->amounts) {
      if (graph.alive[at(node)] == 0) continue;
      const AmountRange range = range_of(amounts, graph.costs[at(node)]);
      if (range.most > range.least) bound_[at(node)] = 1;
    }
  }
}

bool ConstraintState::binds(int node) const { return !bound_.empty() && bound_[at(node)] != 0; }

void ConstraintState::leave(int node, const std::vector<double>& costs) {
  for (std::size_t c = 0; c < constraints_.size(); ++c) {
    if (binding_[c] == 0) continue;
    const auto found = constraints_[c]->amounts.find(node);
    if (found == constraints_[c]->amounts.end()) continue;
    const AmountRange range = range_of(found->second, costs);
    if (range.least != kForbidden) left_[c] -= range.least;
  }
}

bool ConstraintState::holds(const std::vector<int>& choice) const {
  return std::all_of(constraints_.begin(), constraints_.end(),
                     [&](const LinearConstraint* constraint) { return constraint->holds(choice); });
}

}  // namespace fettle::tuner
