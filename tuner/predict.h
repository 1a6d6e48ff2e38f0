// SPDX-License-Identifier: Apache-2.0
//
// What a choice should cost by the table.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/space.h"

#include <vector>

namespace fettle::tuner {

/// Candidates plus conversions, in microseconds; fills `conversions_us` unless null: for each layer, of
/// conversions of its inputs; the first consumer pays. Infinite when a candidate has no cost.
double predict(const Space& space, const CostTable& table, const Choice& choice,
               std::vector<double>* conversions_us);

}  // namespace fettle::tuner
