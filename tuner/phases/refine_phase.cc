// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/refine_phase.h"

#include "tuner/settings.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace fettle::tuner {
namespace {

constexpr int kMostRefinements = 6;
constexpr double kOptimism = 0.1;          // more than the noise of what exploring has measured, as a rule
constexpr double kLeastRoundShare = 0.02;  // of the budget, for a round that begins late

// When the given round of refining has to end.
double end_of_round(const TuningRun& run, int round) {
  const double share = kExploreShare + (kRefineShare - kExploreShare) * (round + 1) / kMostRefinements;
  const double least = run.device.now_s() + kLeastRoundShare * run.options.budget_s;
  return std::max(run.at_share(share), std::min(run.at_share(kRefineShare), least));
}

// Adds the choice and its rival as settings: what would be chosen if candidates that were not measured in a
// chosen setting yet were a little cheaper. Gives their numbers; none when both have been measured already.
std::vector<int> settings_to_measure(TuningRun& run, const Selection& selection, int round) {
  const Selection rival = choose(run.space, run.table, {.optimism = kOptimism});
  const std::string number = " #" + std::to_string(round + 1);
  const int before = run.explorer.settings();
  std::vector<int> settings{run.explorer.add({"chosen" + number, selection.choice, kChosenRank})};
  if (rival.choice != selection.choice)
    settings.push_back(run.explorer.add({"rival" + number, rival.choice, kChosenRank}));
  if (run.explorer.settings() == before) settings.clear();
  return settings;
}

}  // namespace

Selection refine_selection(TuningRun& run) {
  run.enter("choose");
  Selection selection;
  for (int round = 0; round < kMostRefinements; ++round) {
    Selection better = choose(run.space, run.table);
    if (better.choice.empty()) return selection;
    selection = std::move(better);
    run.best_us = selection.predicted_us;
    if (run.limits.over(run.at_share(kRefineShare))) return selection;
    const std::vector<int> settings = settings_to_measure(run, selection, round);
    if (settings.empty()) break;
    run.explorer.run_together(end_of_round(run, round), settings);
  }
  Selection last = choose(run.space, run.table);
  return last.choice.empty() ? selection : last;
}

}  // namespace fettle::tuner
