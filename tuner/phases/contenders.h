// SPDX-License-Identifier: Apache-2.0
//
// Contenders: the plans that may take the default's place.
#pragma once

#include "tuner/choose.h"
#include "tuner/device.h"
#include "tuner/phases/run.h"

#include <memory>
#include <string>
#include <vector>

namespace fettle::tuner {

struct Contender {
  std::string name;
  Choice choice;
  std::unique_ptr<Subject> subject;
};

/// The selection, the careful selection and the fastest settings, the most promising first, as far as they
/// differ, compile and compute what the default computes; one alone where there is no time to compare
/// several. Frees what the explorer holds. Errors: that the default does not run.
Result<std::vector<Contender>> pick_contenders(TuningRun& run, const Selection& selection,
                                               int covering_settings);

}  // namespace fettle::tuner
