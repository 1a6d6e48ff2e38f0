// SPDX-License-Identifier: Apache-2.0
//
// What the phases of a tuning run share. In their order:
//
//   records     reads what earlier runs measured, and writes what this one did   records_phase.h
//   explore     measures candidates in settings of the whole network             explore_phase.h
//   refine      chooses, and measures in place what was chosen                   refine_phase.h
//   tolerance   gives up kernels that make the outputs differ too much           tolerance_phase.h
//   contend     compares the chosen plans with the default                       contend_phase.h
//   result      writes down what came of it                                      result_phase.h
#pragma once

#include "tuner/cost_table.h"
#include "tuner/device.h"
#include "tuner/explore.h"
#include "tuner/phases/progress.h"
#include "tuner/space.h"

#include <fettle/tuner.h>

#include <memory>
#include <string>
#include <vector>

namespace fettle::tuner {

/// How the budget is divided: exploring may last until the first fraction, measuring chosen plans until the
/// second, the rest belongs to the comparison.
inline constexpr double kExploreShare = 0.4;
inline constexpr double kRefineShare = 0.7;

/// Members refer to each other, so it stays where it is.
struct TuningRun {
  TuningRun(const Problem& problem, Device& device, const TuneOptions& options);
  TuningRun(const TuningRun&) = delete;
  TuningRun& operator=(const TuningRun&) = delete;

  /// Compiles the plan to beat: the default, with pinned layers the default with those pins. Errors: that it
  /// does not compile.
  Status prepare_standard();

  /// When this share of the budget is over, on the device's clock.
  double at_share(double share) const { return start_s + share * options.budget_s; }
  bool stopped() const { return options.stop != nullptr && options.stop->load(); }
  /// Enters a phase that progress is told of.
  void enter(const char* phase);
  /// Tells the progress, due or not.
  void tell();
  /// Network passes so far.
  int measurements() const { return explorer.passes() + comparison_passes; }
  /// Median of the default's whole passes while exploring; 0 while there are none.
  double default_pass_us() const { return explorer.settings() > 0 ? explorer.total_us(0) : 0; }

  Device& device;
  const TuneOptions& options;
  Space space;
  CostTable table;
  const double tolerance;  ///< see allowed_difference()
  const double start_s;    ///< on the device's clock
  ProgressReporter progress;
  Limits limits;
  Explorer explorer;  ///< setting 0 is the default
  std::unique_ptr<Subject> standard;
  int comparison_passes = 0;
  double best_us = 0;              ///< of the best plan predicted or measured so far; 0: none yet
  std::vector<std::string> notes;  ///< for people, see TuneResult::notes
};

/// "98.7 %".
std::string percent_text(double ratio);

}  // namespace fettle::tuner
