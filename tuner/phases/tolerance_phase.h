// SPDX-License-Identifier: Apache-2.0
//
// Tolerance: how far the outputs of a plan may be from the default's, and what is given up to stay within it.
#pragma once

#include "tuner/choose.h"
#include "tuner/phases/run.h"

namespace fettle::tuner {

/// How far apart outputs of two plans may be, of the largest output: what is wanted, and for quantised
/// networks at least kQuantisedTolerance.
double allowed_difference(const Problem& problem, double wanted);

/// The most that a kernel of the choice rounds, see Candidate::rounding; at least 1.
float most_rounding(const Space& space, const Choice& choice);

/// Chooses again without the kernels that round most, as often as the outputs ask for it. Errors: that the
/// default does not run.
Status keep_tolerance(TuningRun& run, Selection& selection);

}  // namespace fettle::tuner
