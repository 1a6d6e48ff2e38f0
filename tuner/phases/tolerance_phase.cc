// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/tolerance_phase.h"

#include "tuner/at.h"
#include "tuner/compare.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fettle::tuner {
namespace {

// How far the outputs of a choice are from the default's, of the largest; infinite when it does not run.
Result<double> error_of(TuningRun& run, const Choice& choice) {
  Result<std::vector<std::vector<float>>> expected = run.standard->outputs();
  if (!expected) return std::move(expected).error();
  const Plan plan = plan_of(run.space, choice);
  const Result<std::unique_ptr<Subject>> subject = run.device.prepare(&plan, false);
  if (!subject) return HUGE_VAL;
  const Result<std::vector<std::vector<float>>> actual = (*subject)->outputs();
  return actual ? output_difference(*expected, *actual) : HUGE_VAL;
}

// Weights in fewer bits err by more than the order of sums does, and by how much depends on the input: one
// input, which is all that is compared, has to leave room for others.
double room_for(float rounding, double tolerance) {
  constexpr float kOfFewerBits = 1000;
  return rounding > kOfFewerBits ? tolerance / 4 : tolerance;
}

}  // namespace

double allowed_difference(const Problem& problem, double wanted) {
  const bool quantised =
      std::any_of(problem.layers.begin(), problem.layers.end(), [](const LayerInfo& layer) {
        return !layer.desc.outputs.empty() && layer.desc.outputs.front().format.scale != 0;
      });
  return quantised ? std::max(kQuantisedTolerance, wanted) : wanted;
}

float most_rounding(const Space& space, const Choice& choice) {
  float most = 1;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const std::vector<Candidate>& candidates = space.layers[i].candidates;
    if (!candidates.empty()) most = std::max(most, candidates[at(choice[i])].rounding);
  }
  return most;
}

Status keep_tolerance(TuningRun& run, Selection& selection) {
  while (!selection.choice.empty()) {
    const float rounding = most_rounding(run.space, selection.choice);
    if (rounding <= 1) return {};
    const Result<double> error = error_of(run, selection.choice);
    if (!error) return error.error();
    if (*error <= room_for(rounding, run.tolerance)) return {};
    run.notes.push_back("without kernels whose rounding errors are " + std::to_string(std::lround(rounding)) +
                        " times a plain sum's: outputs would differ by " + std::to_string(*error) +
                        " of the largest");
    selection = choose(run.space, run.table, {.most_rounding = std::nextafter(rounding, 1.0f)});
  }
  return {};
}

}  // namespace fettle::tuner
