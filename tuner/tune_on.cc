// SPDX-License-Identifier: Apache-2.0
#include "tuner/tune_on.h"

#include "tuner/choose.h"
#include "tuner/compare.h"
#include "tuner/explain.h"
#include "tuner/explore.h"
#include "tuner/predict.h"
#include "tuner/records.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr int kMostRefinements = 6;
constexpr double kOptimism = 0.1;  // more than the noise of what exploring has measured, as a rule
constexpr int kMostComparisonRounds = 501;
constexpr std::size_t kMostContenders = 3;
constexpr double kCaution = 0.04;    // of a cost, where noise is likely to be more than the gain
constexpr double kHeatShare = 0.35;  // of the comparison, for finding the best contender
constexpr double kProgressEveryS = 0.2;

std::string percent(double ratio) {
  const long tenths = std::lround(ratio * 1000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

struct Contender {
  std::string name;
  Choice choice;
  std::unique_ptr<Subject> subject;
};

// How far apart outputs of two plans may be.
double tolerance_for(const Problem& problem, double wanted) {
  const bool quantised =
      std::any_of(problem.layers.begin(), problem.layers.end(), [](const LayerInfo& layer) {
        return !layer.desc.outputs.empty() && layer.desc.outputs.front().format.scale != 0;
      });
  return quantised ? std::max(kQuantisedTolerance, wanted) : wanted;
}

class TuningRun {
 public:
  TuningRun(const Problem& problem, Device& device, const TuneOptions& options)
      : device_(device),
        options_(options),
        space_(build_space(problem, options.start)),
        table_(space_),
        tolerance_(tolerance_for(problem, options.tolerance)),
        start_s_(device.now_s()),
        limits_(make_limits()),
        explorer_(space_, limits_, table_) {}

  Result<TuneResult> run() {
    // With pinned layers the plan to beat is the default with those pins.
    const bool pinned = std::any_of(space_.layers.begin(), space_.layers.end(),
                                    [](const SpaceLayer& layer) { return layer.pinned; });
    const Plan base = plan_of(space_, base_choice(space_));
    Result<std::unique_ptr<Subject>> standard = device_.prepare(pinned ? &base : nullptr, false);
    if (!standard) return std::move(standard).error();
    standard_ = *std::move(standard);
    result_.plan = standard_->effective_plan();
    if (Status status = read_records(); !status) return std::move(status).error();
    explore();
    refine();
    if (Status status = keep_tolerance(); !status) return std::move(status).error();
    if (Status status = compare_all(); !status) return std::move(status).error();
    return finish();
  }

 private:
  double at_share(double share) const { return start_s_ + share * options_.budget_s; }
  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  Limits make_limits() {
    Limits limits;
    limits.device = &device_;
    limits.stopped = [this] { return stopped(); };
    limits.progress = [this] { tell(false); };
    return limits;
  }

  void tell(bool always) {
    if (!options_.progress) return;
    const double now = device_.now_s();
    if (!always && now - told_s_ < kProgressEveryS) return;
    told_s_ = now;
    TuneProgress progress;
    progress.elapsed_s = now - start_s_;
    progress.budget_s = options_.budget_s;
    progress.phase = phase_;
    progress.measurements = explorer_.passes() + passes_;
    progress.default_us = explorer_.settings() > 0 ? explorer_.total_us(0) : 0;
    progress.best_us = best_us_ > 0 ? best_us_ : progress.default_us;
    options_.progress(progress);
  }

  void enter(const char* phase) {
    phase_ = phase;
    tell(true);
  }

  Status read_records() {
    if (options_.records_path.empty()) return {};
    SkippedLines skipped;
    Result<std::vector<Record>> records = load_records(options_.records_path, &skipped);
    if (!records && records.error().code() == ErrorCode::kFileNotFound) return {};  // the first run
    if (!records) return std::move(records).error();
    if (skipped.count > 0) {
      result_.notes.push_back(options_.records_path + ": " + std::to_string(skipped.count) +
                              " damaged lines passed over, the first is line " +
                              std::to_string(skipped.first));
    }
    apply_records(*records, device_.key(), space_, table_);
    return {};
  }

  void explore() {
    phase_ = "measure";
    for (const Setting& setting : covering_settings(space_)) explorer_.add(setting);
    homogeneous_ = explorer_.settings();
    tell(true);
    // Conversions are needed to tell losers from winners, so the mixed settings join before the last third.
    explorer_.run(at_share(kExploreShare * 0.6));
    for (const Setting& setting : mixed_settings(space_)) explorer_.add(setting);
    explorer_.run(at_share(kExploreShare));
  }

  // Measures what was chosen, in place, beside what would be chosen if candidates that were not measured so
  // yet were a little cheaper; and chooses again with what that has taught, until there is no such rival.
  void refine() {
    enter("choose");
    for (int round = 0; round < kMostRefinements; ++round) {
      Selection selection = choose(space_, table_);
      if (selection.choice.empty()) return;
      best_us_ = selection.predicted_us;
      selection_ = std::move(selection);
      if (limits_.over(at_share(kRefineShare))) return;
      const Selection rival = choose(space_, table_, {.optimism = kOptimism});
      const std::string number = " #" + std::to_string(round + 1);
      const int before = explorer_.settings();
      std::vector<int> settings{explorer_.add({"chosen" + number, selection_.choice, kChosenRank})};
      if (rival.choice != selection_.choice)
        settings.push_back(explorer_.add({"rival" + number, rival.choice, kChosenRank}));
      if (explorer_.settings() == before) break;  // measured already
      const double until =
          at_share(kExploreShare + (kRefineShare - kExploreShare) * (round + 1) / kMostRefinements);
      explorer_.run_together(
          std::max(until, std::min(at_share(kRefineShare), device_.now_s() + 0.02 * options_.budget_s)),
          settings);
    }
    Selection last = choose(space_, table_);
    if (!last.choice.empty()) selection_ = std::move(last);
  }

  // How far the outputs of a choice are from the default's, of the largest; infinite when it does not run.
  Result<double> error_of(const Choice& choice) {
    Result<std::vector<std::vector<float>>> expected = standard_->outputs();
    if (!expected) return std::move(expected).error();
    const Plan plan = plan_of(space_, choice);
    const Result<std::unique_ptr<Subject>> subject = device_.prepare(&plan, false);
    if (!subject) return HUGE_VAL;
    const Result<std::vector<std::vector<float>>> actual = (*subject)->outputs();
    return actual ? output_difference(*expected, *actual) : HUGE_VAL;
  }

  float most_rounding(const Choice& choice) const {
    float most = 1;
    for (std::size_t i = 0; i < choice.size(); ++i) {
      const std::vector<Candidate>& candidates = space_.layers[i].candidates;
      if (!candidates.empty())
        most = std::max(most, candidates[static_cast<std::size_t>(choice[i])].rounding);
    }
    return most;
  }

  // Chooses again without the kernels that round most, as often as the outputs ask for it.
  Status keep_tolerance() {
    while (!selection_.choice.empty()) {
      const float rounding = most_rounding(selection_.choice);
      if (rounding <= 1) return {};
      const Result<double> error = error_of(selection_.choice);
      if (!error) return error.error();
      if (*error <= tolerance_) return {};
      result_.notes.push_back(
          "without kernels whose rounding errors are " + std::to_string(std::lround(rounding)) +
          " times a plain sum's: outputs would differ by " + std::to_string(*error) + " of the largest");
      selection_ = choose(space_, table_, {.most_rounding = std::nextafter(rounding, 1.0f)});
    }
    return {};
  }

  // The setting with the fastest whole passes in the given range, or -1.
  int fastest(int begin, int end) const {
    int best = -1;
    for (int s = begin; s < end; ++s) {
      if (explorer_.visits(s) == 0 || explorer_.total_us(s) <= 0) continue;
      if (best < 0 || explorer_.total_us(s) < explorer_.total_us(best)) best = s;
    }
    return best;
  }

  void add_contender(const std::string& name, const Choice& choice) {
    for (const Contender& contender : contenders_) {
      if (contender.choice == choice) return;
    }
    if (choice == base_choice(space_)) return;
    const Plan plan = plan_of(space_, choice);
    Result<std::unique_ptr<Subject>> subject = device_.prepare(&plan, false);
    if (!subject) {
      result_.notes.push_back(name + " does not compile: " + subject.error().message());
      return;
    }
    contenders_.push_back({name, choice, *std::move(subject)});
  }

  // Drops contenders whose outputs differ from the default's.
  Status verify() {
    if (contenders_.empty()) return {};
    Result<std::vector<std::vector<float>>> expected = standard_->outputs();
    if (!expected) return std::move(expected).error();
    std::vector<Contender> good;
    for (Contender& contender : contenders_) {
      Result<std::vector<std::vector<float>>> actual = contender.subject->outputs();
      const double difference = actual ? output_difference(*expected, *actual) : HUGE_VAL;
      if (difference <= tolerance_) {
        good.push_back(std::move(contender));
        continue;
      }
      result_.notes.push_back("the plan of " + contender.name +
                              " was dropped: its outputs differ from the default's by " +
                              std::to_string(difference) + " of the largest");
    }
    contenders_ = std::move(good);
    return {};
  }

  Status compare_all() {
    enter("compare");
    const double default_pass_us = explorer_.settings() > 0 ? explorer_.total_us(0) : 0;
    const int setting = fastest(0, explorer_.settings());
    const int best_homogeneous = fastest(1, homogeneous_);
    if (!selection_.choice.empty()) add_contender("the selection", selection_.choice);
    // What rounds more than the selection may was measured to differ too much.
    const Selection careful =
        choose(space_, table_, {.most_rounding = most_rounding(selection_.choice), .caution = kCaution});
    if (!careful.choice.empty()) add_contender("the careful selection", careful.choice);
    if (setting >= homogeneous_)
      add_contender("setting " + explorer_.name(setting), explorer_.choice(setting));
    // Several only where there is time for full rounds of all.
    const double left_us = (at_share(1) - device_.now_s()) * 1e6;
    const bool room = default_pass_us * 4 * kMostContenders * kComparisonRounds < left_us;
    if (best_homogeneous > 0 && contenders_.size() < (room ? kMostContenders : 1) &&
        explorer_.total_us(best_homogeneous) < 1.5 * default_pass_us) {
      add_contender("setting " + explorer_.name(best_homogeneous), explorer_.choice(best_homogeneous));
    }
    if (!room && contenders_.size() > 1) contenders_.resize(1);
    explorer_.release();  // only now, so that contenders share the packed weights
    if (Status status = verify(); !status) return status;
    if (room && contenders_.size() > 1) keep_best();
    comparison_ = compare_contenders(at_share(1));
    return {};
  }

  Comparison compare_contenders(double until_s) {
    std::vector<Subject*> subjects{standard_.get()};
    for (Contender& contender : contenders_) subjects.push_back(contender.subject.get());
    return compare(subjects, limits_, until_s, kMostComparisonRounds, passes_);
  }

  // A first part of the rounds is for finding the best contender. The others, in which it is compared with
  // the default, are more for it, and do not know that it was lucky before.
  void keep_best() {
    const double now = device_.now_s();
    const Comparison heat = compare_contenders(now + kHeatShare * (at_share(1) - now));
    if (heat.rounds < kComparisonRounds / 2) return;
    std::size_t best = 0;
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      if (heat.ratio(c + 1).ratio.median < heat.ratio(best + 1).ratio.median) best = c;
    }
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      if (c == best) continue;
      result_.notes.push_back(contenders_[c].name + ": " + percent(heat.ratio(c + 1).ratio.median) +
                              " of the default's time in " + std::to_string(heat.rounds) +
                              " first rounds, those of " + contenders_[best].name + " took " +
                              percent(heat.ratio(best + 1).ratio.median));
    }
    std::swap(contenders_.front(), contenders_[best]);
    contenders_.resize(1);
  }

  // The contender with the lowest median ratio among those that beat the default beyond the noise; -1: none
  // does.
  int winner() const {
    int best = -1;
    double best_ratio = 0;
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      const RatioStatistics ratio = comparison_.ratio(c + 1);
      if (!ratio.beats() || (best >= 0 && ratio.ratio.median >= best_ratio)) continue;
      best = static_cast<int>(c);
      best_ratio = ratio.ratio.median;
    }
    return best;
  }

  PlanLatency default_latency() const {
    if (comparison_.rounds > 0) return median_interval(comparison_.us[0]);
    const double us = explorer_.settings() > 0 ? explorer_.total_us(0) : 0;
    return {us, us, us};
  }

  Result<TuneResult> finish() {
    const int chosen = winner();
    Choice choice = base_choice(space_);
    Subject* subject = standard_.get();
    result_.default_us = default_latency();
    result_.plan_us = result_.default_us;
    result_.default_kept = chosen < 0;
    if (chosen >= 0) {
      const Contender& contender = contenders_[static_cast<std::size_t>(chosen)];
      choice = contender.choice;
      subject = contender.subject.get();
      result_.plan_us = median_interval(comparison_.us[static_cast<std::size_t>(chosen) + 1]);
      result_.ratio = comparison_.ratio(static_cast<std::size_t>(chosen) + 1).ratio.median;
      result_.plan = subject->effective_plan();
    }
    for (std::size_t c = 0; c < contenders_.size() && comparison_.rounds > 0; ++c) {
      const PlanLatency ratio = comparison_.ratio(c + 1).ratio;
      result_.notes.push_back(contenders_[c].name + ": " + percent(ratio.median) +
                              " of the default's time (" + percent(ratio.low) + " to " + percent(ratio.high) +
                              ")" + (static_cast<int>(c) == chosen ? ", taken" : ""));
    }
    finish_plan(*subject);
    const double predicted = predict(space_, table_, choice, nullptr);
    result_.predicted_us = std::isfinite(predicted) ? predicted : 0;
    result_.optimal = choice == selection_.choice && selection_.optimal;
    result_.rounds = comparison_.rounds;
    result_.layers = explain(space_, table_, choice);
    result_.stopped = stopped();
    const std::string conditions = device_.conditions();
    for (const std::string& note : space_.notes) result_.notes.push_back(note);
    for (const std::string& note : explorer_.notes()) result_.notes.push_back(note);
    if (!conditions.empty()) result_.notes.push_back("at the end: " + conditions);
    if (!options_.records_path.empty()) {
      const Status status =
          append_records(options_.records_path, records_of(space_, table_, device_.key(), conditions));
      if (!status) return status.error();
    }
    result_.measurements = explorer_.passes() + passes_;
    best_us_ = result_.plan_us.median;
    result_.seconds = device_.now_s() - start_s_;
    tell(true);
    return std::move(result_);
  }

  // Expectation, pins and the number of threads, which the compiled program does not know.
  void finish_plan(const Subject& subject) {
    Plan& plan = result_.plan;
    PlanExpectation expected;
    expected.latency_us = result_.plan_us;
    expected.default_latency_us = result_.default_us.median;
    expected.arena_bytes = subject.arena_bytes();
    plan.expected = expected;
    for (PlanPoint& point : plan.points) {
      point.threads = space_.threads;
      for (const SpaceLayer& layer : space_.layers) {
        const auto entry = point.layers.find(layer.id);
        if (layer.pinned && entry != point.layers.end()) entry->second.pinned = true;
      }
    }
  }

  Device& device_;
  const TuneOptions& options_;
  Space space_;
  CostTable table_;
  double tolerance_;
  double start_s_;
  Limits limits_;
  Explorer explorer_;
  std::string phase_ = "measure";
  double told_s_ = -1e9;
  double best_us_ = 0;
  int homogeneous_ = 0;  // settings before this number cover, those from it on are mixed or chosen
  int passes_ = 0;       // of the comparison
  std::unique_ptr<Subject> standard_;
  Selection selection_;
  std::vector<Contender> contenders_;
  Comparison comparison_;
  TuneResult result_;
};

}  // namespace

Result<TuneResult> tune_on(const Problem& problem, Device& device, const TuneOptions& options) {
  return TuningRun(problem, device, options).run();
}

}  // namespace fettle::tuner
