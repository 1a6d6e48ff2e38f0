// SPDX-License-Identifier: Apache-2.0
#include "tuner/tune_on.h"

#include "tuner/choose.h"
#include "tuner/phases/contend_phase.h"
#include "tuner/phases/explore_phase.h"
#include "tuner/phases/records_phase.h"
#include "tuner/phases/refine_phase.h"
#include "tuner/phases/result_phase.h"
#include "tuner/phases/run.h"
#include "tuner/phases/tolerance_phase.h"

#include <utility>

namespace fettle::tuner {

Result<TuneResult> tune_on(const Problem& problem, Device& device, const TuneOptions& options) {
  TuningRun run(problem, device, options);
  if (Status status = run.prepare_standard(); !status) return std::move(status).error();
  if (Status status = read_known_records(run); !status) return std::move(status).error();
  const int covering_settings = explore_settings(run);
  Selection selection = refine_selection(run);
  if (Status status = keep_tolerance(run, selection); !status) return std::move(status).error();
  Result<Contest> contest = contend(run, selection, covering_settings);
  if (!contest) return std::move(contest).error();
  return write_result(run, selection, *contest);
}

}  // namespace fettle::tuner
