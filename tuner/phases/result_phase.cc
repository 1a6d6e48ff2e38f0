// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/result_phase.h"

#include "tuner/at.h"
#include "tuner/explain.h"
#include "tuner/phases/records_phase.h"
#include "tuner/predict.h"
#include "tuner/search/format_agreement.h"
#include "tuner/settings.h"
#include "tuner/statistics.h"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

namespace fettle::tuner {
namespace {

PlanLatency default_latency(const TuningRun& run, const Comparison& comparison) {
  if (comparison.rounds > 0) return median_interval(comparison.us[0]);
  const double us = run.default_pass_us();
  return {us, us, us};
}

void note_ratios(TuningRun& run, const Contest& contest, int winner) {
  for (std::size_t c = 0; c < contest.contenders.size() && contest.comparison.rounds > 0; ++c) {
    const PlanLatency ratio = contest.comparison.ratio(c + 1).ratio;
    run.notes.push_back(contest.contenders[c].name + ": " + percent_text(ratio.median) +
                        " of the default's time (" + percent_text(ratio.low) + " to " +
                        percent_text(ratio.high) + ")" + (static_cast<int>(c) == winner ? ", taken" : ""));
  }
}

void note_bounds(TuningRun& run, const Selection& selection) {
  for (int number : selection.bound_reached) {
    const int producer = run.space.values.at(number).producer;
    run.notes.push_back(
        (producer < 0 ? "an input of the network" : "the result of " + run.space.layers[at(producer)].id) +
        " is converted into " + std::to_string(kMostCopies) +
        " formats: choices with more are not considered");
  }
}

// Expectation, pins and the number of threads, which the compiled program does not know.
void finish_plan(const TuningRun& run, const Subject& subject, TuneResult& result) {
  PlanExpectation expected;
  expected.latency_us = result.plan_us;
  expected.default_latency_us = result.default_us.median;
  expected.arena_bytes = subject.arena_bytes();
  result.plan.expected = expected;
  for (PlanPoint& point : result.plan.points) {
    point.threads = run.space.threads;
    for (const SpaceLayer& layer : run.space.layers) {
      const auto entry = point.layers.find(layer.id);
      if (layer.pinned && entry != point.layers.end()) entry->second.pinned = true;
    }
  }
}

// The plan that won, or the default, and how fast they were.
TuneResult outcome(const TuningRun& run, const Contest& contest, int winner) {
  TuneResult result;
  result.default_us = default_latency(run, contest.comparison);
  result.plan_us = result.default_us;
  result.default_kept = winner < 0;
  const Subject* subject = run.standard.get();
  if (winner >= 0) {
    subject = contest.contenders[at(winner)].subject.get();
    result.plan_us = median_interval(contest.comparison.us[at(winner) + 1]);
    result.ratio = contest.comparison.ratio(at(winner) + 1).ratio.median;
  }
  result.plan = subject->effective_plan();
  finish_plan(run, *subject, result);
  return result;
}

}  // namespace

Result<TuneResult> write_result(TuningRun& run, const Selection& selection, const Contest& contest) {
  const int winner = contest.winner();
  const Choice choice = winner < 0 ? base_choice(run.space) : contest.contenders[at(winner)].choice;
  TuneResult result = outcome(run, contest, winner);
  const double predicted = predict(run.space, run.table, choice, nullptr);
  result.predicted_us = std::isfinite(predicted) ? predicted : 0;
  result.optimal = choice == selection.choice && selection.optimal;
  result.rounds = contest.comparison.rounds;
  result.layers = explain(run.space, run.table, choice);
  result.stopped = run.stopped();
  const std::string conditions = run.device.conditions();
  note_ratios(run, contest, winner);
  if (choice == selection.choice) note_bounds(run, selection);
  for (const std::string& note : run.space.notes) run.notes.push_back(note);
  for (const std::string& note : run.explorer.notes()) run.notes.push_back(note);
  if (!conditions.empty()) run.notes.push_back("at the end: " + conditions);
  if (Status status = append_measured_records(run, conditions); !status) return std::move(status).error();
  result.notes = std::move(run.notes);
  result.measurements = run.measurements();
  run.best_us = result.plan_us.median;
  result.seconds = run.device.now_s() - run.start_s;
  run.tell();
  return result;
}

}  // namespace fettle::tuner
