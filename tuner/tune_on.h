// SPDX-License-Identifier: Apache-2.0
//
// A tuning run on any device: explore, choose, measure what was chosen, compare with the default.
#pragma once

#include "tuner/device.h"
#include "tuner/space.h"

#include <fettle/tuner.h>

namespace fettle::tuner {

/// How the budget is divided: exploring may last until the first fraction, measuring chosen plans until the
/// second, the rest belongs to the comparison.
inline constexpr double kExploreShare = 0.4;
inline constexpr double kRefineShare = 0.7;

/// Tunes. `options.compile` has been used by whoever made `problem` and `device`. Errors: that the default
/// does not compile or run; those of reading and writing records.
Result<TuneResult> tune_on(const Problem& problem, Device& device, const TuneOptions& options);

}  // namespace fettle::tuner
