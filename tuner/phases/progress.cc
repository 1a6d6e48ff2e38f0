// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/progress.h"

namespace fettle::tuner {
namespace {

constexpr double kProgressEveryS = 0.2;

}  // namespace

bool ProgressReporter::due(double now_s) const {
  return options_.progress && now_s - told_s_ >= kProgressEveryS;
}

void ProgressReporter::tell(TuneProgress progress, double now_s) {
  if (!options_.progress) return;
  told_s_ = now_s;
  progress.elapsed_s = now_s - start_s_;
  progress.budget_s = options_.budget_s;
  progress.phase = phase_;
  options_.progress(progress);
}

}  // namespace fettle::tuner
