// SPDX-License-Identifier: Apache-2.0
//
// Explaining a plan that exists, from records of this device.
#include "tuner/explain.h"
#include "tuner/records.h"
#include "tuner/runtime_device.h"

#include <fettle/tuner.h>

#include <algorithm>
#include <utility>

namespace fettle {
namespace {

using tuner::Candidate;
using tuner::Choice;
using tuner::Space;

// The plan as a choice of candidates; a thread count that is not among them leaves the layer's default.
Choice choice_of(const Space& space, const PlanPoint& point) {
  Choice choice = tuner::default_choice(space);
  for (std::size_t layer = 0; layer < space.layers.size(); ++layer) {
    const auto entry = point.layers.find(space.layers[layer].id);
    if (entry == point.layers.end()) continue;
    const std::vector<Candidate>& candidates = space.layers[layer].candidates;
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) {
      return !c.covered() && c.variant == entry->second.variant;
    });
    if (found == candidates.end()) continue;
    choice[layer] = static_cast<int>(found - candidates.begin());
    for (int covered : found->covers) {
      const std::vector<Candidate>& others = space.layers[static_cast<std::size_t>(covered)].candidates;
      const auto by_region = std::find_if(others.begin(), others.end(), [&](const Candidate& c) {
        return c.region == static_cast<int>(layer) && c.region_candidate == choice[layer];
      });
      if (by_region != others.end())
        choice[static_cast<std::size_t>(covered)] = static_cast<int>(by_region - others.begin());
    }
  }
  return choice;
}

Result<std::vector<LayerExplanation>> explain_program(const Model& model, const Program& planned,
                                                      const std::string& records_path,
                                                      const CompileOptions& compile) {
  TuneOptions options;
  options.compile = compile;
  options.threads = std::max(1, planned.threads());
  Result<std::unique_ptr<tuner::RuntimeDevice>> device = tuner::RuntimeDevice::create(model, options);
  if (!device) return std::move(device).error();
  Result<Program> standard = (*device)->compile(nullptr);
  if (!standard) return std::move(standard).error();
  // What the plan has is among the candidates, even where the tuner would try it for this plan alone.
  const Plan effective = planned.effective_plan();
  const Space space = tuner::build_space((*device)->problem(*standard), &effective);
  tuner::CostTable table(space);
  if (!records_path.empty()) {
    tuner::SkippedLines skipped;
    Result<std::vector<tuner::Record>> records = tuner::load_records(records_path, &skipped);
    if (!records) return std::move(records).error();
    if (skipped.count > 0) {
      return Error(ErrorCode::kFileMalformed,
                   "records " + records_path + ": line " + std::to_string(skipped.first) +
                       " holds no record" +
                       (skipped.count > 1 ? ", nor do " + std::to_string(skipped.count - 1) + " others" : ""),
                   "give a file that `fettle tune --records` wrote, or remove the line");
    }
    tuner::apply_records(*records, (*device)->description(), space, table);
  }
  std::vector<LayerExplanation> layers =
      tuner::explain(space, table, choice_of(space, effective.points.front()));
  // Records do not hold what conversions cost, and an estimate would look like a measurement.
  for (LayerExplanation& layer : layers) layer.conversions_us = 0;
  return layers;
}

}  // namespace

Result<std::vector<LayerExplanation>> explain(const Model& model, const Plan& plan,
                                              const std::string& records_path,
                                              const CompileOptions& options) {
  Result<Program> planned = Program::compile(model, &plan, options);
  if (!planned) return std::move(planned).error();
  // Whose layers compute with integers where the plan says so.
  const Model* compiled = planned->model();
  return explain_program(compiled != nullptr ? *compiled : model, *planned, records_path, options);
}

}  // namespace fettle
