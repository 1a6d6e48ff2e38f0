// SPDX-License-Identifier: Apache-2.0
//
// Interleaved timing: every round gives each contender a turn, in another order each time, so that what the
// machine does beside hits all of them alike. Only ratios within a round are compared.
#pragma once

#include "benchmarks/contenders/contender.h"

#include <string>
#include <vector>

namespace fettle::benchmarks {

struct RoundOptions {
  int rounds = 9;
  double turn_seconds = 0.25;  ///< what one contender's turn lasts, about
};

/// What one contender needed: for each round the median of its turn, in microseconds.
using RoundTimes = std::vector<double>;

/// Times all contenders; their inputs must be set.
Result<std::vector<RoundTimes>> time_rounds(const std::vector<Contender*>& contenders,
                                            const RoundOptions& options);

/// Median of any numbers; 0 for none.
double median(std::vector<double> values);

}  // namespace fettle::benchmarks
