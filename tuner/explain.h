// SPDX-License-Identifier: Apache-2.0
//
// Explaining: what was tried for each layer, what it cost or why it was refused.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/space.h"

#include <fettle/tuner.h>

#include <vector>

namespace fettle::tuner {

/// One entry a layer: measured variants by `quiet_us`, then those not reached, then refused ones.
std::vector<LayerExplanation> explain(const Space& space, const CostTable& table, const Choice& choice);

}  // namespace fettle::tuner
