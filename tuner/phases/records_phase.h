// SPDX-License-Identifier: Apache-2.0
//
// Records: what earlier runs measured is known from the start, what this run measured is kept for later ones.
#pragma once

#include "tuner/phases/run.h"

#include <string>

namespace fettle::tuner {

/// Enters the records of this device into the table; none where there is no file yet. Errors: those of
/// load_records.
Status read_known_records(TuningRun& run);

/// Appends what was measured; `conditions` as of the device. Errors: those of append_records.
Status append_measured_records(const TuningRun& run, const std::string& conditions);

}  // namespace fettle::tuner
