// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/contenders.h"

#include "tuner/compare.h"
#include "tuner/phases/tolerance_phase.h"
#include "tuner/settings.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr std::size_t kMostContenders = 3;
constexpr double kCaution = 0.04;          // of a cost, where noise is likely to be more than the gain
constexpr double kSlowestContender = 1.5;  // times the default, for a setting

class ContenderList {
 public:
  explicit ContenderList(TuningRun& run) : run_(run) {}

  std::size_t size() const { return contenders_.size(); }

  // Adds a plan that is new, is not the default and compiles.
  void add(const std::string& name, const Choice& choice) {
    const bool known = std::any_of(contenders_.begin(), contenders_.end(),
                                   [&](const Contender& other) { return other.choice == choice; });
    if (known || choice == base_choice(run_.space)) return;
    const Plan plan = plan_of(run_.space, choice);
    Result<std::unique_ptr<Subject>> subject = run_.device.prepare(&plan, false);
    if (!subject) {
      run_.notes.push_back(name + " does not compile: " + subject.error().message());
      return;
    }
    contenders_.push_back({name, choice, *std::move(subject)});
  }

  void add_setting(int setting) {
    add("setting " + run_.explorer.name(setting), run_.explorer.choice(setting));
  }

  void keep_first() {
    if (contenders_.size() > 1) contenders_.resize(1);
  }

  // Drops contenders whose outputs differ from the default's.
  Status verify() {
    if (contenders_.empty()) return {};
    Result<std::vector<std::vector<float>>> expected = run_.standard->outputs();
    if (!expected) return std::move(expected).error();
    std::vector<Contender> good;
    for (Contender& contender : contenders_) {
      Result<std::vector<std::vector<float>>> actual = contender.subject->outputs();
      const double difference = actual ? output_difference(*expected, *actual) : HUGE_VAL;
      if (difference <= run_.tolerance) {
        good.push_back(std::move(contender));
        continue;
      }
      run_.notes.push_back("the plan of " + contender.name +
                           " was dropped: its outputs differ from the default's by " +
                           std::to_string(difference) + " of the largest");
    }
    contenders_ = std::move(good);
    return {};
  }

  std::vector<Contender> take() { return std::move(contenders_); }

 private:
  TuningRun& run_;
  std::vector<Contender> contenders_;
};

// The setting with the fastest whole passes in the given range, or -1.
int fastest_setting(const Explorer& explorer, int begin, int end) {
  int best = -1;
  for (int s = begin; s < end; ++s) {
    if (explorer.visits(s) == 0 || explorer.total_us(s) <= 0) continue;
    if (best < 0 || explorer.total_us(s) < explorer.total_us(best)) best = s;
  }
  return best;
}

// Whether the time that is left is enough for full rounds of several.
bool room_for_several(const TuningRun& run) {
  const double left_us = (run.at_share(1) - run.device.now_s()) * 1e6;
  return run.default_pass_us() * 4 * kMostContenders * kComparisonRounds < left_us;
}

// The choice in which the default's candidates give way only to what is clearly faster. What rounds more than
// the selection may was measured to differ too much.
Selection careful_selection(const TuningRun& run, const Selection& selection) {
  return choose(run.space, run.table,
                {.most_rounding = most_rounding(run.space, selection.choice), .caution = kCaution});
}

}  // namespace

Result<std::vector<Contender>> pick_contenders(TuningRun& run, const Selection& selection,
                                               int covering_settings) {
  Explorer& explorer = run.explorer;
  const int fastest = fastest_setting(explorer, 0, explorer.settings());
  const int fastest_covering = fastest_setting(explorer, 1, covering_settings);
  ContenderList list(run);
  if (!selection.choice.empty()) list.add("the selection", selection.choice);
  const Selection careful = careful_selection(run, selection);
  if (!careful.choice.empty()) list.add("the careful selection", careful.choice);
  if (fastest >= covering_settings) list.add_setting(fastest);
  const bool several = room_for_several(run);
  if (fastest_covering > 0 && list.size() < (several ? kMostContenders : 1) &&
      explorer.total_us(fastest_covering) < kSlowestContender * run.default_pass_us())
    list.add_setting(fastest_covering);
  if (!several) list.keep_first();
  explorer.release();  // only now, so that contenders share the packed weights
  if (Status status = list.verify(); !status) return std::move(status).error();
  return list.take();
}

}  // namespace fettle::tuner
