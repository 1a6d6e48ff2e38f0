// SPDX-License-Identifier: Apache-2.0
#include "tuner/explore.h"

#include "tuner/at.h"
#include "tuner/statistics.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr int kEnoughVisits = 40;  // more samples of one candidate change no choice that noise would not
constexpr int kKnownVisits = 5;    // of settings that records know already
constexpr int kVisitsBeforeLosing = 4;
constexpr int kVisitsOfHopeless = 2;  // where there is more than noise could explain
constexpr double kHopeless = 2;       // times another's cost
constexpr double kSlowSetting = 1.5;  // times the fastest setting: too slow for what it teaches
constexpr double kVisitUs = 10000;    // passes repeat until a visit takes about this long

// Whether a cost is above another's, which needs `change` beside it, by more than noise explains.
bool clearly_below(const Cost& rival, double change, const Cost& mine) {
  const int visits = std::min(rival.samples, mine.samples);
  if (visits < kVisitsOfHopeless) return false;
  const double margin = visits < kVisitsBeforeLosing ? kHopeless : 1;
  return mine.us.low > margin * (rival.us.high + change);
}

}  // namespace

Explorer::Explorer(const Space& space, Limits limits, CostTable& table)
    : space_(space), limits_(std::move(limits)), table_(table) {}

int Explorer::add(const Setting& setting) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].setting.choice == setting.choice) return static_cast<int>(i);
  }
  Run run;
  run.setting = setting;
  runs_.push_back(std::move(run));
  return table_.add_setting(setting.rank);
}

void Explorer::run(double until_s) {
  drop_losers();  // by what records know
  while (!limits_.over(until_s)) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (!runs_[i].failed && !finished(i)) order.push_back(i);
    }
    const bool only_default = order.size() == 1 && order[0] == 0 && runs_.size() > 1;
    if (order.empty() || (only_default && runs_[0].visits >= kVisitsBeforeLosing)) return;
    visit_all(order, until_s);
    drop_losers();
  }
}

void Explorer::run_together(double until_s, const std::vector<int>& settings) {
  const auto going = [this](int setting) { return !runs_[at(setting)].failed && !finished(at(setting)); };
  while (!limits_.over(until_s) && std::any_of(settings.begin(), settings.end(), going)) {
    std::vector<std::size_t> order;
    if (!finished(0)) order.push_back(0);
    for (int setting : settings) {
      if (setting != 0 && !runs_[at(setting)].failed) order.push_back(at(setting));
    }
    visit_all(order, until_s);
  }
}

// One round. Every other one goes backwards: drift within a round hits all alike in the end.
void Explorer::visit_all(const std::vector<std::size_t>& order, double until_s) {
  const bool backwards = ++rounds_ % 2 == 0;
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (limits_.over(until_s)) return;
    visit(order[backwards ? order.size() - 1 - n : n],
          (until_s - limits_.device->now_s()) / static_cast<double>(order.size()));
  }
}

bool Explorer::finished(std::size_t index) const {
  const Run& run = runs_[index];
  if (run.lost || run.visits >= kEnoughVisits) return true;
  if (run.visits < kKnownVisits || index == 0 || run.setting.rank == kChosenRank) return false;
  for (std::size_t i = 0; i < run.setting.choice.size(); ++i) {
    if (space_.layers[i].candidates.empty()) continue;
    if (space_.layers[i].candidates[at(run.setting.choice[i])].covered()) continue;
    if (table_.known_samples(static_cast<int>(i), run.setting.choice[i]) < kEnoughVisits + kKnownVisits)
      return false;
  }
  return true;
}

bool Explorer::prepare(std::size_t index) {
  Run& run = runs_[index];
  if (run.subject) return true;
  const Plan plan = plan_of(space_, run.setting.choice);
  const bool pinned = std::any_of(space_.layers.begin(), space_.layers.end(),
                                  [](const SpaceLayer& layer) { return layer.pinned; });
  Result<std::unique_ptr<Subject>> subject =
      limits_.device->prepare(index == 0 && !pinned ? nullptr : &plan, true);
  if (!subject) {
    run.failed = true;
    notes_.push_back("setting " + run.setting.name + " does not compile: " + subject.error().message());
    return false;
  }
  run.subject = *std::move(subject);
  run.bytes = run.subject->bytes();
  evict(index);
  map_steps(run);
  return true;
}

// Keeps memory within the limit: what is evicted compiles again for its next visit.
void Explorer::evict(std::size_t keep) {
  std::size_t held = 0;
  for (const Run& run : runs_) held += run.subject ? run.bytes : 0;
  for (std::size_t i = 0; i < runs_.size() && held > limits_.device->memory_limit(); ++i) {
    const std::size_t victim =
        (keep + runs_.size() - 1 - i) % runs_.size();  // the one that has just had its turn waits longest
    if (victim == keep || !runs_[victim].subject) continue;
    held -= runs_[victim].bytes;
    runs_[victim].subject.reset();
  }
}

void Explorer::map_steps(Run& run) const {
  const std::span<const StepInfo> steps = run.subject->steps();
  run.layer_of_step.assign(steps.size(), -1);
  run.conversion_of_step.assign(steps.size(), {});
  std::vector<char> follows(space_.layers.size(), 0);  // whether the layer runs what the setting says
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const StepInfo& step = steps[s];
    if (step.conversion) {
      if (!step.desc.inputs.empty() && !step.desc.outputs.empty() && !step.alias) {
        run.conversion_of_step[s] = conversion_key(step.desc.outputs[0].shape, step.desc.inputs[0].format,
                                                   step.desc.outputs[0].format);
      }
      continue;
    }
    const int layer = space_.find(step.layer);
    if (layer < 0 || space_.layers[at(layer)].candidates.empty()) continue;
    const Candidate& candidate = space_.layers[at(layer)].candidates[at(run.setting.choice[at(layer)])];
    // A kernel may run the layer by itself and with epilogues.
    if (!candidate.covered() && step.kernel == candidate.variant.kernel &&
        step.threads == candidate.variant.threads && step.desc.parts.size() == candidate.covers.size() + 1)
      follows[at(layer)] = 1;
    run.layer_of_step[s] = layer;
  }
  for (int& layer : run.layer_of_step) {
    if (layer >= 0 && follows[at(layer)] == 0) layer = -1;
  }
}

bool Explorer::pass(Run& run, std::vector<double>& step_us) {
  Result<double> us = run.subject->run(&step_us);
  ++passes_;
  limits_.tell();
  if (!us) {
    run.failed = true;
    run.subject.reset();
    notes_.push_back("setting " + run.setting.name + " does not run: " + us.error().message());
    return false;
  }
  run.pass_us = *us;
  return true;
}

// One visit: a warm-up where it pays, then passes whose fastest is one sample, step by step: what other
// programs add tells nothing about the setting.
void Explorer::visit(std::size_t index, double share_s) {
  const bool fresh = runs_[index].subject == nullptr;
  if (!prepare(index)) return;
  Run& run = runs_[index];
  std::vector<double> step_us;
  if (fresh || run.pass_us < kWarmUpUs) {
    if (!pass(run, step_us)) return;
    if (fresh && run.pass_us * 1e-6 > share_s / 3) {  // too slow to be run again for warmth
      record(index, step_us, run.pass_us);
      return;
    }
  }
  const int repeats = std::clamp(static_cast<int>(kVisitUs / std::max(run.pass_us, 1.0)), 1, 8);
  if (!pass(run, step_us)) return;
  std::vector<double> least = step_us;
  double total = run.pass_us;
  for (int repeat = 1; repeat < repeats; ++repeat) {
    if (!pass(run, step_us)) return;
    for (std::size_t s = 0; s < least.size() && s < step_us.size(); ++s)
      least[s] = std::min(least[s], step_us[s]);
    total = std::min(total, run.pass_us);
  }
  record(index, least, total);
}

void Explorer::record(std::size_t index, const std::vector<double>& step_us, double total_us) {
  Run& run = runs_[index];
  ++run.visits;
  run.totals.push_back(total_us);
  std::vector<double> layer_us(space_.layers.size(), -1.0);
  const std::span<const StepInfo> steps = run.subject->steps();
  for (std::size_t s = 0; s < step_us.size() && s < steps.size(); ++s) {
    if (!run.conversion_of_step[s].empty()) {
      const TensorDesc& target = steps[s].desc.outputs[0];
      table_.add_conversion(run.conversion_of_step[s], dense_bytes(target.shape, target.format), step_us[s]);
    }
    const int layer = run.layer_of_step[s];
    if (layer >= 0) layer_us[at(layer)] = std::max(layer_us[at(layer)], 0.0) + step_us[s];
  }
  for (std::size_t i = 0; i < layer_us.size(); ++i) {
    if (layer_us[i] >= 0)
      table_.add_sample(static_cast<int>(i), run.setting.choice[i], static_cast<int>(index), layer_us[i]);
  }
}

// A candidate has lost when, beyond the noise, another does better even after paying for conversions.
bool Explorer::dominated(int layer, int candidate) const {
  const SpaceLayer& entry = space_.layers[at(layer)];
  const Candidate& mine = entry.candidates[at(candidate)];
  if (mine.covered()) return true;  // its region speaks for it
  if (!mine.covers.empty()) return dominated_region(layer, candidate);
  const std::optional<Cost> cost = table_.cost(layer, candidate);
  if (!cost) return false;
  for (std::size_t c = 0; c < entry.candidates.size(); ++c) {
    const Candidate& other = entry.candidates[c];
    if (static_cast<int>(c) == candidate || other.covered() || !other.covers.empty()) continue;
    const std::optional<Cost> rival = table_.cost(layer, static_cast<int>(c));
    if (!rival) continue;
    const Signature& here = mine.variant.signature;
    const Signature& there = other.variant.signature;
    double change = 0;
    for (int number : entry.inputs) {
      const SpaceValue& value = space_.values.at(number);
      change += table_.conversion_us(value, value.stored(here.input), value.stored(there.input));
    }
    for (int number : entry.outputs) {
      const SpaceValue& value = space_.values.at(number);
      change += table_.conversion_us(value, value.stored(there.output), value.stored(here.output));
    }
    if (clearly_below(*rival, change, *cost)) return true;
  }
  return false;
}

// A region has lost when its layers do better one by one, without leaving its format.
bool Explorer::dominated_region(int layer, int candidate) const {
  const Candidate& region = space_.layers[at(layer)].candidates[at(candidate)];
  const std::optional<Cost> cost = table_.cost(layer, candidate);
  const Signature& format = region.variant.signature;
  if (!cost || format.input != format.output) return false;
  std::vector<int> parts = region.covers;
  parts.push_back(layer);
  Cost sum{{0, 0, 0}, 0, cost->samples, false};
  for (int part : parts) {
    std::optional<Cost> best;
    const std::vector<Candidate>& candidates = space_.layers[at(part)].candidates;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const Candidate& one = candidates[c];
      if (one.covered() || !one.covers.empty() || one.variant.signature.input != format.input ||
          one.variant.signature.output != format.output)
        continue;
      const std::optional<Cost> own = table_.cost(part, static_cast<int>(c));
      if (own && (!best || own->us.high < best->us.high)) best = own;
    }
    if (!best) return false;
    sum.us.high += best->us.high;
    sum.samples = std::min(sum.samples, best->samples);
  }
  return clearly_below(sum, 0, *cost);
}

// The candidates for which a setting is in the race: not lost, and measured by no earlier setting in it
// anyway.
std::vector<Candidacy> Explorer::undecided(std::size_t index) const {
  std::vector<Candidacy> result;
  const Choice& choice = runs_[index].setting.choice;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    if (space_.layers[i].candidates.empty()) continue;
    bool elsewhere = false;
    for (std::size_t q = 0; q < index && !elsewhere; ++q)
      elsewhere = !runs_[q].lost && !runs_[q].failed && runs_[q].setting.choice[i] == choice[i];
    if (!elsewhere && !dominated(static_cast<int>(i), choice[i]))
      result.push_back({static_cast<int>(i), choice[i]});
  }
  return result;
}

bool Explorer::slow(const Run& run) const {
  if (run.gathered || run.setting.rank != kHomogeneousRank || run.visits < kVisitsOfHopeless) return false;
  double fastest = median(run.totals);
  for (const Run& other : runs_) {
    if (other.visits >= kVisitsOfHopeless) fastest = std::min(fastest, median(other.totals));
  }
  return median(run.totals) > kSlowSetting * fastest;
}

// Ends settings that have nothing more to teach. What slow ones still have is measured among fast layers
// instead, in settings that gather it: a few candidates shall not cost passes of many that have lost.
void Explorer::drop_losers() {
  std::vector<Candidacy> second_look;
  for (std::size_t r = 1; r < runs_.size(); ++r) {
    Run& run = runs_[r];
    if (run.lost || run.failed || run.setting.rank == kChosenRank) continue;
    if (run.setting.rank == kMixedRank && run.visits < kVisitsBeforeLosing)
      continue;  // here for the conversions
    const std::vector<Candidacy> left = undecided(r);
    run.lost = left.empty() || slow(run);
    if (!run.lost) continue;
    second_look.insert(second_look.end(), left.begin(), left.end());
    run.subject.reset();
  }
  while (!second_look.empty()) {
    const int number = add({"second look", gather(space_, second_look), kHomogeneousRank});
    runs_[at(number)].gathered = true;
  }
}

double Explorer::total_us(int setting) const { return median(runs_[at(setting)].totals); }

void Explorer::release() {
  for (Run& run : runs_) run.subject.reset();
}

}  // namespace fettle::tuner
