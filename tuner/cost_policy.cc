// SPDX-License-Identifier: Apache-2.0
#include "tuner/cost_policy.h"

#include "tuner/at.h"
#include "tuner/search/selection.h"

#include <optional>

namespace fettle::tuner {
namespace {

bool rounds_too_much(const CostPolicy& policy, const Candidate& candidate) {
  return candidate.rounding > policy.most_rounding;
}

// What the caution leaves of a cost.
double cautious_factor(const CostPolicy& policy, const Candidate& candidate) {
  return candidate.is_default ? 1 - policy.caution : 1;
}

// What the optimism leaves of a cost.
double optimistic_factor(const CostPolicy& policy, const Cost& cost) {
  return cost.in_place ? 1 : 1 - policy.optimism;
}

}  // namespace

double policy_us(const CostPolicy& policy, const CostTable& table, const Space& space, int layer,
                 int candidate) {
  const Candidate& described = space.layers[at(layer)].candidates[at(candidate)];
  const std::optional<Cost> cost = table.cost(layer, candidate);
  if (!cost || rounds_too_much(policy, described)) return kForbidden;
  return cautious_factor(policy, described) * optimistic_factor(policy, *cost) * cost->quiet_us;
}

}  // namespace fettle::tuner
