// SPDX-License-Identifier: Apache-2.0
//
// Refining: what is chosen by times from many settings is measured in place, beside its closest rival, and
// chosen again with what that has taught.
#pragma once

#include "tuner/choose.h"
#include "tuner/phases/run.h"

namespace fettle::tuner {

/// The selection by all that was measured; without a choice where the table does not allow any.
Selection refine_selection(TuningRun& run);

}  // namespace fettle::tuner
