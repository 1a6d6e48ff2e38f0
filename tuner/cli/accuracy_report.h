// SPDX-License-Identifier: Apache-2.0
//
// What the commands say of accuracy, as text and as JSON.
#pragma once

#include "tuner/cli/command.h"
#include "tuner/cli/dataset.h"

#include <fettle/accuracy.h>

#include <optional>
#include <string>

namespace fettle::cli {

/// Measures `candidate` beside `reference` on the data: top-1 and top-5 where it has labels. Progress goes to
/// a terminal's stderr.
Result<AccuracyResult> measure_on(const Program& reference, const Program& candidate, const Dataset& data);

/// The accuracy that was lost: of top-1 with labels, else the share of decisions that changed, which is the
/// most that it can be.
PairedDifference loss_of(const AccuracyResult& result);

/// top1, top5, agreement as fractions, samples, drop {value, low, high}, mean_kl, sqnr_db, and under
/// "reference" what the other version has.
Json accuracy_json(const AccuracyResult& result);
/// Some lines for people.
std::string accuracy_text(const AccuracyResult& result);

/// "0.5%" or "0.5" as percentage points: a fraction.
Result<double> parse_points(const std::string& text, const std::string& option);
/// "0.5 %" of a fraction.
std::string percent(double fraction);

}  // namespace fettle::cli
