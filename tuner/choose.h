// SPDX-License-Identifier: Apache-2.0
//
// Choosing: the cheapest plan for the measured table, exactly.
//
// Each layer is a node whose options are its candidates; layers that read each other's results agree on
// formats or pay for conversions (search/format_agreement.h). Inputs of the network arrive in nchw (or as
// 8-bit pictures), outputs leave in nchw. A region and the layers that it covers are tied by infinite edge
// costs.
#pragma once

#include "tuner/cost_policy.h"
#include "tuner/cost_table.h"
#include "tuner/search/pbqp.h"
#include "tuner/search/selection.h"
#include "tuner/space.h"

#include <vector>

namespace fettle::tuner {

struct Selection {
  Choice choice;  ///< empty when the table does not allow any
  double predicted_us = 0;
  /// No other choice costs less by the table; where `bound_reached` names values, among those with at most
  /// kMostCopies copies of each value.
  bool optimal = false;
  std::vector<int> bound_reached;  ///< values with as many copies as are considered, see ValueNode
};

/// Chooses among candidates that have a cost, whose policy_us is taken for it.
Selection choose(const Space& space, const CostTable& table, const CostPolicy& policy = {},
                 Solver solve = solve_pbqp);

}  // namespace fettle::tuner
