// SPDX-License-Identifier: Apache-2.0
//
// The final word: whole-model runs of the default and of contenders in interleaved rounds, and a check that
// contenders compute what the default computes.
#pragma once

#include "tuner/explore.h"
#include "tuner/statistics.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fettle::tuner {

inline constexpr int kComparisonRounds = 11;  ///< at least, when the budget has room
/// Kernels of quantised layers may round differently, by a unit; after many layers that adds up.
inline constexpr double kQuantisedTolerance = 0.2;

struct Comparison {
  std::vector<std::vector<double>> us;  ///< [subject][round]
  int rounds = 0;

  RatioStatistics ratio(std::size_t subject, std::size_t base = 0) const {
    return paired_ratio(us[subject], us[base]);
  }
};

/// Runs the subjects (0 is the default) in turn, the order rotating from round to round, until `until_s`, but
/// at most `most_rounds`. Each round's time is the median of a few passes.
Comparison compare(std::span<Subject* const> subjects, const Limits& limits, double until_s, int most_rounds,
                   int& passes);

/// The largest difference between two sets of outputs, relative to the largest magnitude of each output of
/// `expected`; infinite when shapes differ or one is not finite where the other is.
double output_difference(const std::vector<std::vector<float>>& expected,
                         const std::vector<std::vector<float>>& actual);

}  // namespace fettle::tuner
