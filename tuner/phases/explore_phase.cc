// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/explore_phase.h"

#include "tuner/settings.h"

namespace fettle::tuner {
namespace {

// Of the time for exploring. Conversions are needed to tell losers from winners, so the mixed settings join
// before the last third.
constexpr double kCoveringShare = 0.6;

}  // namespace

int explore_settings(TuningRun& run) {
  for (const Setting& setting : covering_settings(run.space)) run.explorer.add(setting);
  const int covering = run.explorer.settings();
  run.enter("measure");
  run.explorer.run(run.at_share(kExploreShare * kCoveringShare));
  for (const Setting& setting : mixed_settings(run.space)) run.explorer.add(setting);
  run.explorer.run(run.at_share(kExploreShare));
  return covering;
}

}  // namespace fettle::tuner
