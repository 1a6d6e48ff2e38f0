// SPDX-License-Identifier: Apache-2.0
//
// The contest: the chosen plans against the default, in interleaved rounds. A first part of the rounds finds
// the best contender; the others, which know nothing of the first ones, decide whether it takes the default's
// place.
#pragma once

#include "tuner/choose.h"
#include "tuner/compare.h"
#include "tuner/phases/contenders.h"
#include "tuner/phases/run.h"

#include <vector>

namespace fettle::tuner {

struct Contest {
  std::vector<Contender> contenders;
  Comparison comparison;  ///< subject 0 is the default, contender c is subject c + 1

  /// The contender with the lowest median ratio among those that beat the default beyond the noise; -1: none
  /// does.
  int winner() const;
};

/// Errors: that the default does not run.
Result<Contest> contend(TuningRun& run, const Selection& selection, int covering_settings);

}  // namespace fettle::tuner
