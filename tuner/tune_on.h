// SPDX-License-Identifier: Apache-2.0
//
// A tuning run on any device: explore, choose, measure what was chosen, compare with the default. Its phases
// are in phases/, run.h names them.
#pragma once

#include "tuner/device.h"
#include "tuner/space.h"

#include <fettle/tuner.h>

namespace fettle::tuner {

/// Tunes. `options.compile` has been used by whoever made `problem` and `device`. Errors: that the default
/// does not compile or run; those of reading and writing records.
Result<TuneResult> tune_on(const Problem& problem, Device& device, const TuneOptions& options);

}  // namespace fettle::tuner
