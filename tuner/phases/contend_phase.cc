// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/contend_phase.h"

#include "tuner/statistics.h"

#include <cstddef>
#include <string>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr int kMostComparisonRounds = 501;
constexpr double kHeatShare = 0.35;  // of the comparison, for finding the best contender

Comparison compare_with_default(TuningRun& run, const std::vector<Contender>& contenders, double until_s) {
  std::vector<Subject*> subjects{run.standard.get()};
  for (const Contender& contender : contenders) subjects.push_back(contender.subject.get());
  return compare(subjects, run.limits, until_s, kMostComparisonRounds, run.comparison_passes);
}

// Several contenders: keeps the best of some first rounds, if there is time for these.
void keep_best(TuningRun& run, std::vector<Contender>& contenders) {
  const double now = run.device.now_s();
  const Comparison heat = compare_with_default(run, contenders, now + kHeatShare * (run.at_share(1) - now));
  if (heat.rounds < kComparisonRounds / 2) return;
  const auto median = [&](std::size_t contender) { return heat.ratio(contender + 1).ratio.median; };
  std::size_t best = 0;
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    if (median(c) < median(best)) best = c;
  }
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    if (c == best) continue;
    run.notes.push_back(contenders[c].name + ": " + percent_text(median(c)) + " of the default's time in " +
                        std::to_string(heat.rounds) + " first rounds, those of " + contenders[best].name +
                        " took " + percent_text(median(best)));
  }
  std::swap(contenders.front(), contenders[best]);
  contenders.resize(1);
}

}  // namespace

int Contest::winner() const {
  int best = -1;
  double best_ratio = 0;
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    const RatioStatistics ratio = comparison.ratio(c + 1);
    if (!ratio.beats() || (best >= 0 && ratio.ratio.median >= best_ratio)) continue;
    best = static_cast<int>(c);
    best_ratio = ratio.ratio.median;
  }
  return best;
}

Result<Contest> contend(TuningRun& run, const Selection& selection, int covering_settings) {
  run.enter("compare");
  Result<std::vector<Contender>> contenders = pick_contenders(run, selection, covering_settings);
  if (!contenders) return std::move(contenders).error();
  Contest contest;
  contest.contenders = *std::move(contenders);
  if (contest.contenders.size() > 1) keep_best(run, contest.contenders);
  contest.comparison = compare_with_default(run, contest.contenders, run.at_share(1));
  return contest;
}

}  // namespace fettle::tuner
