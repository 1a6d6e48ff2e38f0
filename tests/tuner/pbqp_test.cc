// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <random>

namespace fettle::tuner {
namespace {

double random_cost(std::mt19937& rng, double forbidden) {
  if (std::uniform_real_distribution<>(0, 1)(rng) < forbidden) return kForbidden;
  return std::uniform_real_distribution<>(0, 100)(rng);
}

std::vector<double> random_costs(std::mt19937& rng, std::size_t n, double forbidden) {
  std::vector<double> costs(n);
  for (double& cost : costs) cost = random_cost(rng, forbidden);
  return costs;
}

double brute_force(const Pbqp& problem, const std::vector<int>& options) {
  std::vector<int> choice(options.size(), 0);
  double best = kForbidden;
  for (;;) {
    best = std::min(best, problem.cost_of(choice));
    std::size_t i = 0;
    while (i < choice.size() && ++choice[i] == options[i]) choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

TEST_CASE("pbqp finds what brute force finds on random graphs", "[tuner][pbqp]") {
  std::mt19937 rng(7);
  int branched = 0;
  int infeasible = 0;
  for (int round = 0; round < 400; ++round) {
    const int nodes = 1 + static_cast<int>(rng() % 7);
    const double density = std::uniform_real_distribution<>(0, 1)(rng);
    const double forbidden = round % 3 == 0 ? 0.4 : 0.05;
    Pbqp problem;
    std::vector<int> options;
    for (int n = 0; n < nodes; ++n) {
      options.push_back(1 + static_cast<int>(rng() % 4));
      problem.add_node(random_costs(rng, static_cast<std::size_t>(options.back()), 0.05));
    }
    for (int a = 0; a < nodes; ++a) {
      for (int b = 0; b < nodes; ++b) {  // both directions: edges between the same nodes add up
        if (a == b || std::uniform_real_distribution<>(0, 1)(rng) > density) continue;
        problem.add_edge(a, b,
                         random_costs(rng,
                                      static_cast<std::size_t>(options[static_cast<std::size_t>(a)] *
                                                               options[static_cast<std::size_t>(b)]),
                                      forbidden));
      }
    }
    const double expected = brute_force(problem, options);
    const PbqpSolution solution = problem.solve();
    CAPTURE(round);
    REQUIRE(solution.optimal);
    if (solution.branches > 0) ++branched;
    if (!std::isfinite(expected)) {
      ++infeasible;
      REQUIRE_FALSE(solution.feasible());
    } else {
      REQUIRE(solution.cost == Catch::Approx(expected).epsilon(1e-9));
      REQUIRE(problem.cost_of(solution.choice) == solution.cost);
    }
  }
  CHECK(branched > 50);
  CHECK(infeasible > 5);
}

TEST_CASE("pbqp solves long chains and ladders by reductions alone", "[tuner][pbqp]") {
  std::mt19937 rng(3);
  const std::size_t options = 20;
  Pbqp problem;
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
  const PbqpSolution solution = problem.solve(0);
  CHECK(solution.optimal);
  CHECK(solution.branches == 0);
  CHECK(solution.cost == Catch::Approx(*std::min_element(least.begin(), least.end())));
}

TEST_CASE("pbqp stays useful when its budget of branches runs out", "[tuner][pbqp]") {
  std::mt19937 rng(11);
  Pbqp problem;
  for (int n = 0; n < 40; ++n) problem.add_node(random_costs(rng, 6, 0));
  for (int a = 0; a < 40; ++a) {
    for (int b = a + 1; b < 40; ++b) problem.add_edge(a, b, random_costs(rng, 36, 0));
  }
  const PbqpSolution solution = problem.solve(50);
  CHECK_FALSE(solution.optimal);
  REQUIRE(solution.feasible());
  CHECK(problem.cost_of(solution.choice) == solution.cost);
  const PbqpSolution again = problem.solve(50);
  CHECK(again.choice == solution.choice);
}

TEST_CASE("pbqp of a dense residual network is exact", "[tuner][pbqp]") {
  // 60 layers with skip edges over 1, 2 and 5 layers: series-parallel it is not.
  std::mt19937 rng(5);
  Pbqp problem;
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
  const PbqpSolution solution = problem.solve();
  CHECK(solution.optimal);
  CHECK(solution.feasible());
}

}  // namespace
}  // namespace fettle::tuner
