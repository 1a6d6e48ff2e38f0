// SPDX-License-Identifier: Apache-2.0
//
// Prices of constraints: Lagrangian relaxation. What a choice uses beyond a limit costs a price per unit,
// what it leaves earns it. For any prices the cheapest choice without constraints is a lower bound on the
// cheapest one that obeys them; subgradient steps (Held, Wolfe and Crowder 1974) find prices for which the
// bound is high. Choices met on the way that happen to fit are good answers to start a search from.
#pragma once

#include "tuner/search/constraint_state.h"
#include "tuner/search/pbqp_graph.h"
#include "tuner/search/pbqp_search.h"

#include <vector>

namespace fettle::tuner {

struct ConstraintPrices {
  std::vector<double> prices;  ///< one per constraint, none negative
  SearchState known;           ///< the best choice met that fits, if any, and the highest bound
};

/// Prices for a search of `graph` under `constraints`, found within `limits`.
ConstraintPrices find_prices(const PbqpGraph& graph, const ConstraintState& constraints,
                             const SearchLimits& limits);

}  // namespace fettle::tuner
