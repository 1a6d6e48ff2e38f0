// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp.h"

#include "tuner/search/constraint_prices.h"
#include "tuner/search/constraint_state.h"
#include "tuner/search/pbqp_graph.h"
#include "tuner/search/pbqp_search.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr double kLongestSearchS = 1e8;
constexpr double kPricingShare = 0.25;  // of the time

SearchClock::time_point after(SearchClock::time_point start, double seconds) {
  const std::chrono::duration<double> bounded(std::clamp(seconds, 0.0, kLongestSearchS));
  return start + std::chrono::duration_cast<SearchClock::duration>(bounded);
}

SearchState search_constrained(PbqpGraph graph, ConstraintState constraints, SearchClock::time_point start,
                               const SearchBudget& budget) {
  if (!constraints.propagate(graph)) {
    SearchState nothing;
    nothing.lower_bound = kForbidden;
    nothing.complete = true;
    return nothing;
  }
  ConstraintPrices found =
      find_prices(graph, constraints, {after(start, kPricingShare * budget.seconds), budget.branches});
  PbqpGraph priced = graph;
  constraints.set_prices(std::move(found.prices), priced);
  return search_pbqp(graph, priced, constraints, std::move(found.known),
                     {after(start, budget.seconds), budget.branches});
}

}  // namespace

SelectionAnswer solve_pbqp(const SelectionProblem& problem, const SearchBudget& budget) {
  const SearchClock::time_point start = SearchClock::now();
  PbqpGraph graph(problem);
  ConstraintState constraints(problem);
  SearchState found =
      constraints.empty()
          ? search_pbqp(graph, graph, constraints, {}, {after(start, budget.seconds), budget.branches})
          : search_constrained(std::move(graph), std::move(constraints), start, budget);
  SelectionAnswer answer;
  answer.feasible = !found.choice.empty();
  answer.optimal = found.complete;
  answer.branches = found.branches;
  answer.lower_bound = found.lower_bound;
  if (!answer.feasible) return answer;
  answer.choice = std::move(found.choice);
  answer.cost = problem.cost_of(answer.choice);
  for (int k = 0; k < problem.objective_count(); ++k)
    answer.totals.push_back(problem.total(answer.choice, k));
  // Proved is proved: bounds are sums in another order, so they differ from costs in the last digits.
  answer.lower_bound = answer.optimal ? answer.cost : std::min(answer.lower_bound, answer.cost);
  return answer;
}

}  // namespace fettle::tuner
