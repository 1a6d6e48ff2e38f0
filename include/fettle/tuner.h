// SPDX-License-Identifier: Apache-2.0
//
// The tuner: measures variants on this device, in place, and chooses. Links with fettle::tuner. Everything it
// knows of the runtime is public API; what it gives is a Plan.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/model.h>
#include <fettle/plan.h>
#include <fettle/program.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fettle {

/// How far a tuning run has come.
struct TuneProgress {
  double elapsed_s = 0;
  double budget_s = 0;
  std::string phase;      ///< "measure", "choose", "compare"
  int measurements = 0;   ///< network passes so far
  double default_us = 0;  ///< whole-model median of the default; 0 until known
  double best_us = 0;     ///< of the best plan predicted or measured so far
};

struct TuneOptions {
  double budget_s = 60;     ///< wall-clock seconds for measuring; a usable plan exists at any moment
  double tolerance = 1e-4;  ///< how far a plan's outputs may be from the default's, of the largest output;
                            ///< for quantised networks at least 0.2, because kernels may round differently
  int threads = 1;          ///< the most threads; per-layer counts 1, 2, 4, ... up to it are tried
  CompileOptions compile;   ///< inputs, extra kernels, care for NaN; threads, weights and log are the tuner's
  /// Its pinned layers are kept, and so is its quantisation: layers that it makes compute with integers are
  /// tuned as such.
  const Plan* start = nullptr;
  std::string records_path;  ///< JSON lines, read at the start when there and appended to; empty: none
  std::function<void(const TuneProgress&)> progress;  ///< called a few times a second at most; may be null
  /// Set it (from a signal handler too) to end early and keep what was learnt.
  const std::atomic<bool>* stop = nullptr;
};

/// What one variant of one layer cost.
struct VariantCost {
  Variant variant;
  std::string covered_by;  ///< the layer whose region, `variant`, covers this one; empty: a variant of
                           ///< the layer itself
  Refusal refusal = Refusal::none;  ///< why it could not be chosen
  std::string left_out;             ///< why the tuner does not try what it could choose; empty: it does
  int samples = 0;                  ///< 0: refused, left out or not reached within the budget
  double quiet_us = 0;              ///< lower quartile of the samples: choices go by it, because other work
                                    ///< on the machine only ever adds time
  PlanLatency us;                   ///< median and 95 % interval
  bool chosen = false;
  bool is_default = false;
  bool reference = false;  ///< see StepInfo::reference

  /// The kernel's name, or "covered by LAYER".
  FETTLE_API std::string shown_name() const;
};

struct LayerExplanation {
  std::string layer;
  std::string desc;                   ///< LayerDesc::text
  std::vector<VariantCost> variants;  ///< measured ones first, by `quiet_us`
  /// What the choice pays for conversions into this layer; 0 when only records are known.
  double conversions_us = 0;
};

struct TuneResult {
  Plan plan;
  bool default_kept = false;  ///< the chosen plan did not beat the default beyond the noise
  PlanLatency default_us;     ///< final interleaved comparison
  PlanLatency plan_us;
  double ratio = 1;         ///< median of per-round plan / default
  double predicted_us = 0;  ///< additive cost of the choice
  bool optimal = false;     ///< the selection was proved optimal for the measured table
  int rounds = 0;
  int measurements = 0;
  double seconds = 0;
  bool stopped = false;            ///< by `stop`
  std::vector<std::string> notes;  ///< for people: plans that were dropped and why, settings that failed,
                                   ///< frequency and temperature
  std::vector<LayerExplanation> layers;
};

/// Tunes on this device. Errors: those of Program::compile, kInvalidArgument, kFileUnreadable and
/// kFileUnwritable (records; that they can be written is found out first).
FETTLE_API Result<TuneResult> tune(const Model& model, const TuneOptions& options = {});

/// What is known of a plan's choices without tuning again: every variant of every layer, with the costs found
/// in the records of this device (`records_path`, may be empty), or why it is refused, and which one the plan
/// takes. Errors: those of Program::compile, kPlanOtherModel, and of the records kFileNotFound,
/// kFileUnreadable and kFileMalformed (a line that is no record).
FETTLE_API Result<std::vector<LayerExplanation>> explain(const Model& model, const Plan& plan,
                                                         const std::string& records_path = {},
                                                         const CompileOptions& options = {});

/// One self-contained page (inline SVG, nothing fetched) that explains the result.
FETTLE_API std::string tune_report_html(const Model& model, const TuneResult& result);

}  // namespace fettle
