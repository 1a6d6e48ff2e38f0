// SPDX-License-Identifier: Apache-2.0
//
// Tells whoever watches a tuning run how far it has come, a few times a second at most.
#pragma once

#include <fettle/tuner.h>

namespace fettle::tuner {

class ProgressReporter {
 public:
  /// `options` must outlive it; `start_s` and all other times are on the device's clock.
  ProgressReporter(const TuneOptions& options, double start_s) : options_(options), start_s_(start_s) {}

  void enter(const char* phase) { phase_ = phase; }
  /// Whether somebody watches and has not been told for a while.
  bool due(double now_s) const;
  /// Tells, due or not, if somebody watches. Phase and times are filled in here.
  void tell(TuneProgress progress, double now_s);

 private:
  const TuneOptions& options_;
  double start_s_;
  const char* phase_ = "measure";
  double told_s_ = -1e9;
};

}  // namespace fettle::tuner
