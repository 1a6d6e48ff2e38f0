// SPDX-License-Identifier: Apache-2.0
//
// Exploring: every candidate and every conversion is measured in some setting of the whole network.
#pragma once

#include "tuner/phases/run.h"

namespace fettle::tuner {

/// Runs covering settings and, later, mixed ones. Gives the number of covering settings: they have the
/// numbers before it, the default first.
int explore_settings(TuningRun& run);

}  // namespace fettle::tuner
