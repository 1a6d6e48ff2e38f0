// SPDX-License-Identifier: Apache-2.0
//
// Random selection problems, and their answers by trying everything.
#pragma once

#include "tuner/search/selection.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace fettle::tuner::testing {

inline double random_cost(std::mt19937& rng, double forbidden) {
  if (std::uniform_real_distribution<>(0, 1)(rng) < forbidden) return kForbidden;
  return std::uniform_real_distribution<>(0, 100)(rng);
}

inline std::vector<double> random_costs(std::mt19937& rng, std::size_t n, double forbidden) {
  std::vector<double> costs(n);
  for (double& cost : costs) cost = random_cost(rng, forbidden);
  return costs;
}

/// Calls `visit` with every full choice.
template <typename Visit>
void for_each_choice(const SelectionProblem& problem, Visit visit) {
  std::vector<int> choice(static_cast<std::size_t>(problem.node_count()), 0);
  for (;;) {
    visit(choice);
    std::size_t i = 0;
    while (i < choice.size() && ++choice[i] == problem.option_count(static_cast<int>(i))) choice[i++] = 0;
    if (i == choice.size()) return;
  }
}

/// The lowest cost of a choice that fits; infinite when there is none.
inline double brute_force(const SelectionProblem& problem) {
  double best = kForbidden;
  for_each_choice(problem, [&](const std::vector<int>& choice) {
    if (problem.fits(choice)) best = std::min(best, problem.cost_of(choice));
  });
  return best;
}

struct RandomSelection {
  int most_nodes = 7;
  int most_options = 4;
  int objectives = 1;
  double forbidden = 0.05;  ///< the share of an edge's entries
  bool steps = false;       ///< with capacities that some choices exceed
  bool budgets = false;
};

inline SelectionProblem random_selection(std::mt19937& rng, const RandomSelection& options) {
  const auto share = [&] { return std::uniform_real_distribution<>(0, 1)(rng); };
  SelectionProblem problem(options.objectives);
  const int nodes = 1 + static_cast<int>(rng() % static_cast<unsigned>(options.most_nodes));
  for (int n = 0; n < nodes; ++n) {
    const std::size_t count = 1 + rng() % static_cast<unsigned>(options.most_options);
    problem.add_node(random_costs(rng, count, 0.05));
    for (int k = 1; k < options.objectives; ++k) problem.add_costs(n, random_costs(rng, count, 0), k);
  }
  const double density = share();
  for (int a = 0; a < nodes; ++a) {
    for (int b = 0; b < nodes; ++b) {  // both directions: edges between the same nodes add up
      if (a == b || share() > density) continue;
      const std::size_t entries = static_cast<std::size_t>(problem.option_count(a)) *
                                  static_cast<std::size_t>(problem.option_count(b));
      problem.add_edge(a, b, random_costs(rng, entries, options.forbidden),
                       static_cast<int>(rng() % static_cast<unsigned>(options.objectives)));
    }
  }
  if (options.steps) {
    const int steps = 1 + static_cast<int>(rng() % 4);
    for (int s = 0; s < steps; ++s) problem.add_step(50 + share() * 50 * nodes);
    for (int n = 0; n < nodes; ++n) {
      for (int i = 0; i < problem.option_count(n); ++i) {
        const int first = static_cast<int>(rng() % static_cast<unsigned>(steps));
        const int last = first + static_cast<int>(rng() % static_cast<unsigned>(steps - first));
        problem.occupy(n, i, first, last, std::floor(share() * 100));
      }
    }
  }
  if (options.budgets) {
    for (int k = 0; k < 2; ++k) {
      const int budget = problem.add_budget(share() * nodes);
      for (int n = 0; n < nodes; ++n) {
        std::vector<double> amounts;
        for (int i = 0; i < problem.option_count(n); ++i) amounts.push_back(share() * 2 - 0.2);
        problem.spend(budget, n, amounts);
      }
    }
  }
  return problem;
}

}  // namespace fettle::tuner::testing
