// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/selection.h"

#include "tuner/search/pbqp.h"

#include <catch2/catch_test_macros.hpp>

#include <vector>

namespace fettle::tuner {
namespace {

// Two nodes of two options: fast and large, or slow and small.
SelectionProblem fast_or_small() {
  SelectionProblem problem(2);
  for (int n = 0; n < 2; ++n) {
    problem.add_node({1, 4});
    problem.add_costs(n, {100, 10}, 1);
  }
  problem.add_edge(0, 1, {0, 2, 2, 0});
  problem.add_edge(1, 0, {0, 5, 0, 0}, 1);  // [option of 1][option of 0]
  return problem;
}

TEST_CASE("selection: what is minimised is one objective or a weighted sum", "[tuner][selection]") {
  using Choice = std::vector<int>;
  SelectionProblem problem = fast_or_small();
  CHECK(problem.cost_of({0, 0}) == 2);
  CHECK(problem.cost_of({1, 0}) == 7);
  CHECK(problem.total({1, 0}, 1) == 115);
  CHECK(solve_pbqp(problem).choice == Choice{0, 0});
  problem.minimise(1);
  CHECK(problem.cost_of({1, 0}) == 115);
  CHECK(solve_pbqp(problem).choice == Choice{1, 1});
  CHECK(solve_pbqp(problem).totals == std::vector<double>{8, 20});
  problem.minimise({1, 0.01});
  CHECK(problem.cost_of({1, 0}) == 7 + 0.01 * 115);
  CHECK(solve_pbqp(problem).choice == Choice{0, 0});
  problem.minimise({1, 0.1});
  CHECK(solve_pbqp(problem).choice == Choice{1, 1});
}

TEST_CASE("selection: what one objective forbids stays forbidden without its weight", "[tuner][selection]") {
  SelectionProblem problem = fast_or_small();
  problem.add_costs(0, {kForbidden, 0}, 1);
  CHECK(problem.cost_of({0, 0}) == kForbidden);
  CHECK(solve_pbqp(problem).choice == std::vector<int>{1, 0});
  problem.add_edge(0, 1, {0, 0, kForbidden, 0}, 1);
  CHECK(solve_pbqp(problem).choice == std::vector<int>{1, 1});
}

TEST_CASE("selection: capacities hold step by step, budgets over all nodes", "[tuner][selection]") {
  SelectionProblem problem = fast_or_small();
  for (int s = 0; s < 3; ++s) problem.add_step(10);
  problem.occupy(0, 0, 0, 1, 6);
  problem.occupy(1, 0, 1, 2, 4);
  CHECK(problem.fits({0, 0}));
  problem.occupy(1, 0, 2, 2, 6);  // amounts add up: 10 in step 2, where node 0 is gone
  CHECK(problem.fits({0, 0}));
  CHECK(problem.steps()[2].sum({0, 0}) == 10);
  problem.occupy(1, 0, 1, 1, 0.5);
  CHECK_FALSE(problem.fits({0, 0}));
  CHECK(problem.fits({0, 1}));
  CHECK(solve_pbqp(problem).cost == 7);
  const int budget = problem.add_budget(3);
  problem.spend(budget, 0, {2, 0});
  problem.spend(budget, 1, {0, 2});
  CHECK_FALSE(problem.fits({0, 1}));
  CHECK(solve_pbqp(problem).choice == std::vector<int>{1, 0});
}

}  // namespace
}  // namespace fettle::tuner
