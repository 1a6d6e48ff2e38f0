// SPDX-License-Identifier: Apache-2.0
//
// The result of a tuning run: the plan with what it is expected to do, and what people want to know of it.
#pragma once

#include "tuner/choose.h"
#include "tuner/phases/contend_phase.h"
#include "tuner/phases/run.h"

#include <fettle/tuner.h>

namespace fettle::tuner {

/// Writes the result, appends the records and tells the last progress. Errors: those of append_records.
Result<TuneResult> write_result(TuningRun& run, const Selection& selection, const Contest& contest);

}  // namespace fettle::tuner
