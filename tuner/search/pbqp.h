// SPDX-License-Identifier: Apache-2.0
//
// Exact selection: a partitioned boolean quadratic problem (Scholz and Eckstein 2002).
//
// Nodes with at most two neighbours are eliminated exactly (R0, R1, R2), which solves chains and
// series-parallel networks in linear time. What is left is solved by branch and bound (Anderson and Gregg
// 2018), with a bound from min-sum diffusion. A node whose options differ in what they use of a constraint
// cannot be eliminated as long as the constraint can be broken: such nodes are branched on, options that no
// longer fit are forbidden, and Lagrangian prices make the bounds know of the constraints.
//
// Deterministic unless the time runs out.
#pragma once

#include "tuner/search/selection.h"

namespace fettle::tuner {

/// A Solver. The time is looked at between branches: it can be exceeded by one round of reductions.
SelectionAnswer solve_pbqp(const SelectionProblem& problem, const SearchBudget& budget = {});

}  // namespace fettle::tuner
