// SPDX-License-Identifier: Apache-2.0
//
// The public entry: checks options, describes the model and runs the tuner on this device.
#include <fettle/tuner.h>

#include "tuner/report.h"
#include "tuner/runtime_device.h"
#include "tuner/tune_on.h"

#include <fettle/files.h>

#include <cmath>
#include <string>
#include <utility>

namespace fettle {
namespace {

Status check(const Model& model, const TuneOptions& options) {
  if (!std::isfinite(options.budget_s) || options.budget_s <= 0) {
    return Error(ErrorCode::kInvalidArgument,
                 "the tuning budget is " + std::to_string(options.budget_s) + " s",
                 "give a positive number of seconds");
  }
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return Error(ErrorCode::kInvalidArgument, "TuneOptions::threads is " + std::to_string(options.threads),
                 "give 1 to " + std::to_string(kMaxThreads));
  }
  if (options.compile.cpu != nullptr) {
    return Error(ErrorCode::kInvalidArgument, "tuning for another CPU than this one",
                 "leave CompileOptions::cpu null: tuning measures here");
  }
  if (options.start != nullptr && options.start->model.graph != model.graph_hash()) {
    return Error(ErrorCode::kPlanOtherModel,
                 "the plan to start from was made for graph " + options.start->model.graph + ", not for " +
                     model.name(),
                 "give a plan of this model, or none");
  }
  // What was measured is written at the end: too late to find out that it cannot be.
  if (!options.records_path.empty()) return check_output_file(options.records_path, OutputMode::append);
  return {};
}

}  // namespace

Result<TuneResult> tune(const Model& given, const TuneOptions& options) {
  if (Status status = check(given, options); !status) return std::move(status).error();
  const bool quantise =
      options.start != nullptr && options.start->quantisation && given.quantisation() == nullptr;
  const Result<Model> quantised =
      quantise ? given.quantised(*options.start->quantisation) : Result<Model>(given);
  if (!quantised) return quantised.error();
  const Model& model = *quantised;
  Result<std::unique_ptr<tuner::RuntimeDevice>> device = tuner::RuntimeDevice::create(model, options);
  if (!device) return std::move(device).error();
  Result<Program> standard = (*device)->compile(nullptr);
  if (!standard) return std::move(standard).error();
  const tuner::Problem problem = (*device)->problem(*standard);
  Result<TuneResult> result = tuner::tune_on(problem, **device, options);
  if (result) result->plan.quantisation = model.quantisation();
  return result;
}

std::string tune_report_html(const Model& model, const TuneResult& result) {
  return tuner::report_page(model.name(), result);
}

}  // namespace fettle
