// SPDX-License-Identifier: Apache-2.0
//
// What a candidate is taken to cost when one chooses: its measured time, seen with optimism or caution, or
// nothing at all where it rounds too much.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/space.h"

#include <limits>

namespace fettle::tuner {

struct CostPolicy {
  /// The most that Candidate::rounding may be.
  float most_rounding = std::numeric_limits<float>::infinity();
  /// Optimism in the face of uncertainty (Lai and Robbins 1985): the fraction that is subtracted from the
  /// cost of candidates that were not yet measured in a chosen setting, so that close rivals of what would be
  /// chosen get their turn. 0 for the choice that is meant.
  double optimism = 0;
  /// The fraction that is subtracted from the cost of the default's candidates: what then takes another's
  /// place has not won by noise alone.
  double caution = 0;
};

/// The cost of a layer's candidate under the policy, in microseconds; kForbidden where it has not been
/// measured or may not be chosen.
double policy_us(const CostPolicy& policy, const CostTable& table, const Space& space, int layer,
                 int candidate);

}  // namespace fettle::tuner
