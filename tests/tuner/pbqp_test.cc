// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp.h"

#include "tests/tuner/random_selection.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace fettle::tuner {
namespace {

using testing::brute_force;
using testing::for_each_choice;
using testing::random_costs;
using testing::random_selection;
using testing::RandomSelection;

// Holds for every answer, whatever the budget was.
void check_answer(const SelectionProblem& problem, const SelectionAnswer& answer) {
  CHECK(answer.feasible == !answer.choice.empty());
  CHECK(answer.lower_bound <= answer.cost);
  if (!answer.feasible) return;
  CHECK(problem.fits(answer.choice));
  CHECK(problem.cost_of(answer.choice) == answer.cost);
  CHECK(std::isfinite(answer.cost));
  REQUIRE(answer.totals.size() == static_cast<std::size_t>(problem.objective_count()));
  for (int k = 0; k < problem.objective_count(); ++k)
    CHECK(answer.totals[static_cast<std::size_t>(k)] == problem.total(answer.choice, k));
}

TEST_CASE("pbqp finds what brute force finds on random graphs", "[tuner][pbqp]") {
  std::mt19937 rng(7);
  int branched = 0;
  int infeasible = 0;
  for (int round = 0; round < 400; ++round) {
    const SelectionProblem problem = random_selection(rng, {.forbidden = round % 3 == 0 ? 0.4 : 0.05});
    const double expected = brute_force(problem);
    const SelectionAnswer solution = solve_pbqp(problem);
    CAPTURE(round);
    REQUIRE(solution.optimal);
    if (solution.branches > 0) ++branched;
    if (!std::isfinite(expected)) {
      ++infeasible;
      REQUIRE_FALSE(solution.feasible);
      REQUIRE(solution.lower_bound == kForbidden);
    } else {
      REQUIRE(solution.cost == Catch::Approx(expected).epsilon(1e-9));
      REQUIRE(problem.cost_of(solution.choice) == solution.cost);
      REQUIRE(solution.lower_bound == solution.cost);
    }
  }
  CHECK(branched > 50);
  CHECK(infeasible > 5);
}

TEST_CASE("pbqp solves long chains and ladders by reductions alone", "[tuner][pbqp]") {
  std::mt19937 rng(3);
  const std::size_t options = 20;
  SelectionProblem problem;
  std::vector<std::vector<double>> costs;
  std::vector<std::vector<double>> edges;
  for (int n = 0; n < 1000; ++n) {
    costs.push_back(random_costs(rng, options, 0));
    problem.add_node(costs.back());
    if (n == 0) continue;
    edges.push_back(random_costs(rng, options * options, 0.1));
    problem.add_edge(n - 1, n, edges.back());
  }
  std::vector<double> least = costs[0];  // dynamic programming, the independent answer
  for (std::size_t n = 1; n < costs.size(); ++n) {
    std::vector<double> next(options, kForbidden);
    for (std::size_t i = 0; i < options; ++i) {
      for (std::size_t j = 0; j < options; ++j)
        next[j] = std::min(next[j], least[i] + edges[n - 1][i * options + j] + costs[n][j]);
    }
    least = next;
  }
  const SelectionAnswer solution = solve_pbqp(problem, {.branches = 0});
  CHECK(solution.optimal);
  CHECK(solution.branches == 0);
  CHECK(solution.cost == Catch::Approx(*std::min_element(least.begin(), least.end())));
}

TEST_CASE("pbqp stays useful when its budget of branches runs out", "[tuner][pbqp]") {
  std::mt19937 rng(11);
  SelectionProblem problem;
  for (int n = 0; n < 40; ++n) problem.add_node(random_costs(rng, 6, 0));
  for (int a = 0; a < 40; ++a) {
    for (int b = a + 1; b < 40; ++b) problem.add_edge(a, b, random_costs(rng, 36, 0));
  }
  const SelectionAnswer solution = solve_pbqp(problem, {.branches = 50});
  CHECK_FALSE(solution.optimal);
  REQUIRE(solution.feasible);
  CHECK(problem.cost_of(solution.choice) == solution.cost);
  const SelectionAnswer again = solve_pbqp(problem, {.branches = 50});
  CHECK(again.choice == solution.choice);
}

TEST_CASE("pbqp of a dense residual network is exact", "[tuner][pbqp]") {
  // 60 layers with skip edges over 1, 2 and 5 layers: series-parallel it is not.
  std::mt19937 rng(5);
  SelectionProblem problem;
  for (int n = 0; n < 60; ++n) problem.add_node(random_costs(rng, 5, 0));
  for (int n = 0; n < 60; ++n) {
    for (int step : {1, 2, 5}) {
      if (n + step >= 60) continue;
      std::vector<double> matrix(25, 0.0);  // layouts agree or cost a conversion
      for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = 0; j < 5; ++j) matrix[i * 5 + j] = i % 2 == j % 2 ? 0.0 : 15.0;
      }
      problem.add_edge(n, n + step, matrix);
    }
  }
  const SelectionAnswer solution = solve_pbqp(problem);
  CHECK(solution.optimal);
  CHECK(solution.feasible);
}

TEST_CASE("pbqp finds what brute force finds under capacities and budgets", "[tuner][pbqp]") {
  std::mt19937 rng(19);
  int infeasible = 0;
  int branched = 0;
  int costly = 0;  // constraints that change the answer
  for (int round = 0; round < 1000; ++round) {
    RandomSelection random;
    random.objectives = 3;
    random.steps = round % 3 != 1;
    random.budgets = round % 3 != 0;
    SelectionProblem problem = random_selection(rng, random);
    if (round % 2 == 0)
      problem.minimise(round / 2 % 3);
    else
      problem.minimise({0.5, 2, 0});
    const SelectionAnswer answer = solve_pbqp(problem);
    const double expected = brute_force(problem);
    CAPTURE(round, expected);
    check_answer(problem, answer);
    REQUIRE(answer.optimal);
    if (answer.branches > 0) ++branched;
    if (expected == kForbidden) {
      ++infeasible;
      REQUIRE_FALSE(answer.feasible);
      REQUIRE(answer.lower_bound == kForbidden);
      continue;
    }
    REQUIRE(answer.cost == Catch::Approx(expected).epsilon(1e-9));
    REQUIRE(answer.lower_bound == answer.cost);
    double unconstrained = kForbidden;
    for_each_choice(problem, [&](const std::vector<int>& choice) {
      unconstrained = std::min(unconstrained, problem.cost_of(choice));
    });
    if (answer.cost > unconstrained) ++costly;
  }
  CHECK(infeasible > 20);
  CHECK(branched > 20);
  CHECK(costly > 100);
}

TEST_CASE("pbqp says when nothing fits", "[tuner][pbqp]") {
  const auto infeasible = [](const SelectionProblem& problem) {
    const SelectionAnswer answer = solve_pbqp(problem);
    check_answer(problem, answer);
    return !answer.feasible && answer.optimal && answer.lower_bound == kForbidden && answer.totals.empty();
  };
  SelectionProblem capacity;
  const int first = capacity.add_node({1, 2});
  const int second = capacity.add_node({1, 2});
  const int step = capacity.add_step(9);
  for (int option : {0, 1}) {
    capacity.occupy(first, option, step, step, 5);
    capacity.occupy(second, option, step, step, 5 - option);
  }
  CHECK_FALSE(infeasible(capacity));  // 5 + 4 is just enough
  SelectionProblem forbidden = capacity;
  forbidden.add_edge(first, second, {0, kForbidden, 0, kForbidden});
  CHECK(infeasible(forbidden));
  SelectionProblem budget = capacity;
  budget.spend(budget.add_budget(-1), first, {0, 0});
  CHECK(infeasible(budget));
}

TEST_CASE("pbqp of a long chain under a tight memory capacity is exact", "[tuner][pbqp]") {
  // What is fast takes much memory, and each step holds what its layer and the one before it take.
  std::mt19937 rng(23);
  const int layers = 60;
  const int options = 6;
  SelectionProblem problem(2);
  for (int n = 0; n < layers; ++n) problem.add_step(150);
  for (int n = 0; n < layers; ++n) {
    problem.add_node(random_costs(rng, options, 0));
    for (int i = 0; i < options; ++i)
      problem.occupy(n, i, n, std::min(n + 1, layers - 1), std::floor(random_costs(rng, 1, 0)[0]));
    if (n > 0) problem.add_edge(n - 1, n, random_costs(rng, options * options, 0));
  }
  // The independent answer: dynamic programming over the options of neighbours.
  const auto amount = [&](int step, int node, int option) {
    return problem.steps()[static_cast<std::size_t>(step)].amounts.at(node)[static_cast<std::size_t>(option)];
  };
  const std::vector<std::vector<double>> costs = problem.node_costs();
  const EdgeMatrices edges = problem.edge_costs();
  std::vector<double> least = costs[0];
  for (int n = 1; n < layers; ++n) {
    std::vector<double> next(options, kForbidden);
    for (int i = 0; i < options; ++i) {
      for (int j = 0; j < options; ++j) {
        if (amount(n, n - 1, i) + amount(n, n, j) > 150) continue;
        const double cost = least[static_cast<std::size_t>(i)] +
                            edges.at({n - 1, n})[static_cast<std::size_t>(i * options + j)] +
                            costs[static_cast<std::size_t>(n)][static_cast<std::size_t>(j)];
        next[static_cast<std::size_t>(j)] = std::min(next[static_cast<std::size_t>(j)], cost);
      }
    }
    least = next;
  }
  const SelectionAnswer answer = solve_pbqp(problem);
  check_answer(problem, answer);
  CHECK(answer.optimal);
  CHECK(answer.branches == 0);  // constraints of two nodes are edges
  CHECK(answer.cost == Catch::Approx(*std::min_element(least.begin(), least.end())));
}

TEST_CASE("pbqp of a long chain under a budget is exact", "[tuner][pbqp]") {
  // What is saved on time is spent on errors, in whole numbers, so that dynamic programming over what is
  // spent is the independent answer.
  std::mt19937 rng(29);
  const std::size_t layers = 60;
  const std::size_t options = 5;
  const std::size_t limit = 300;
  SelectionProblem problem;
  const int budget = problem.add_budget(limit);
  std::vector<std::vector<double>> least(options,
                                         std::vector<double>(limit + 1, kForbidden));  // [option][spent]
  for (std::size_t n = 0; n < layers; ++n) {
    const std::vector<double> costs = random_costs(rng, options, 0);
    const std::vector<double> edge = random_costs(rng, options * options, 0);
    std::vector<double> errors(options);
    for (double& error : errors) error = static_cast<double>(rng() % 20);
    problem.add_node(costs);
    problem.spend(budget, static_cast<int>(n), errors);
    if (n > 0) problem.add_edge(static_cast<int>(n) - 1, static_cast<int>(n), edge);
    std::vector<std::vector<double>> next(options, std::vector<double>(limit + 1, kForbidden));
    for (std::size_t j = 0; j < options; ++j) {
      const std::size_t spends = static_cast<std::size_t>(errors[j]);
      for (std::size_t spent = spends; spent <= limit; ++spent) {
        if (n == 0) next[j][spent] = costs[j];
        for (std::size_t i = 0; i < options && n > 0; ++i)
          next[j][spent] =
              std::min(next[j][spent], least[i][spent - spends] + edge[i * options + j] + costs[j]);
      }
    }
    least = next;
  }
  double expected = kForbidden;
  for (const std::vector<double>& by_spent : least) expected = std::min(expected, by_spent[limit]);
  const SelectionAnswer answer = solve_pbqp(problem);
  check_answer(problem, answer);
  CHECK(answer.optimal);
  CHECK(answer.cost == Catch::Approx(expected));
}

SelectionProblem dense_problem(int nodes, bool constrained) {
  std::mt19937 rng(11);
  SelectionProblem problem;
  if (constrained) problem.add_step(20 * nodes);
  for (int n = 0; n < nodes; ++n) {
    problem.add_node(random_costs(rng, 6, 0));
    if (!constrained) continue;
    for (int i = 0; i < 6; ++i) problem.occupy(n, i, 0, 0, random_costs(rng, 1, 0)[0]);
  }
  for (int a = 0; a < nodes; ++a) {
    for (int b = a + 1; b < nodes; ++b) problem.add_edge(a, b, random_costs(rng, 36, 0));
  }
  return problem;
}

TEST_CASE("pbqp honours its budget of time, and its lower bound stays valid", "[tuner][pbqp]") {
  const bool constrained = GENERATE(false, true);
  const SelectionProblem hopeless = dense_problem(40, constrained);
  const auto start = std::chrono::steady_clock::now();
  const SelectionAnswer answer = solve_pbqp(hopeless, {.seconds = 0.2, .branches = 1'000'000'000});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  check_answer(hopeless, answer);
  CHECK(took.count() < 20);  // a search to its end takes years
  CHECK_FALSE(answer.optimal);
  CHECK(answer.feasible);
  CHECK(answer.lower_bound > 0);

  const SelectionProblem small = dense_problem(6, constrained);
  const double best = brute_force(small);
  for (const SearchBudget& budget :
       {SearchBudget{.seconds = 0}, SearchBudget{.branches = 1}, SearchBudget{.branches = 20}}) {
    const SelectionAnswer hurried = solve_pbqp(small, budget);
    check_answer(small, hurried);
    CHECK(hurried.lower_bound <= best * (1 + 1e-9));
    CHECK(hurried.lower_bound > 0);
    if (hurried.feasible) CHECK(hurried.cost >= best * (1 - 1e-9));
    CHECK((hurried.feasible || constrained));
  }
}

}  // namespace
}  // namespace fettle::tuner
