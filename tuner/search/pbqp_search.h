// SPDX-License-Identifier: Apache-2.0
//
// Branch and bound on a PBQP graph, with the reductions before every branch.
#pragma once

#include "tuner/search/constraint_state.h"
#include "tuner/search/pbqp_graph.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace fettle::tuner {

using SearchClock = std::chrono::steady_clock;

/// See SearchBudget.
struct SearchLimits {
  SearchClock::time_point until;
  std::int64_t branches = 0;
};

/// What a search knows.
struct SearchState {
  std::vector<int> choice;  ///< the best so far; empty when there is none
  double cost = kForbidden;
  double lower_bound = -kForbidden;
  std::int64_t branches = 0;
  bool complete = false;  ///< nothing was left out: the best choice is the answer
};

/// The cheapest choice of `graph` that `constraints` allow. `priced` is the same graph with their prices in
/// its costs. `known` is a choice to start from, or none.
SearchState search_pbqp(const PbqpGraph& graph, const PbqpGraph& priced, const ConstraintState& constraints,
                        SearchState known, const SearchLimits& limits);

}  // namespace fettle::tuner
