// SPDX-License-Identifier: Apache-2.0
//
// The whole tuner on a simulated device, whose true costs are known.
#include "tests/common/data.h"
#include "tests/tuner/simulated_device.h"
#include "tuner/choose.h"
#include "tuner/explain.h"
#include "tuner/explore.h"
#include "tuner/settings.h"
#include "tuner/tune_on.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <unistd.h>
#include <atomic>
#include <cstdio>

namespace fettle::tuner {
namespace {

using testing::SimulatedDevice;

TuneOptions budget(double seconds) {
  TuneOptions options;
  options.budget_s = seconds;
  return options;
}

const VariantCost& chosen(const LayerExplanation& layer) {
  for (const VariantCost& variant : layer.variants) {
    if (variant.chosen) return variant;
  }
  FAIL("no variant of " << layer.layer << " is marked as chosen");
  return layer.variants.front();
}

TEST_CASE("the tuner finds the optimum of a simulated device without noise", "[tuner]") {
  for (unsigned seed = 1; seed <= (test::quick() ? 2u : 8u); ++seed) {
    SimulatedDevice::Options simulated;
    simulated.seed = seed;
    simulated.threads = seed % 2 == 0 ? 2 : 1;
    simulated.layers = simulated.threads == 2 ? 5 : 6;
    SimulatedDevice device(simulated);
    const double optimum = device.best_us(build_space(device.problem(), nullptr));
    const double standard = device.true_us(nullptr);
    const Result<TuneResult> result = tune_on(device.problem(), device, budget(5));
    REQUIRE(result);
    CAPTURE(seed, optimum, standard, result->notes);
    CHECK(device.true_us(&result->plan) == Catch::Approx(optimum));
    CHECK(result->optimal);
    CHECK(result->predicted_us == Catch::Approx(optimum));
    CHECK(result->plan_us.median == Catch::Approx(optimum));
    CHECK(result->default_us.median == Catch::Approx(standard));
    CHECK(result->ratio == Catch::Approx(optimum / standard));
    CHECK(result->rounds >= 11);
    CHECK(device.alive() == 0);
  }
}

TEST_CASE("the tuner finds nearly the optimum under noise, and never a plan slower than the default",
          "[tuner]") {
  const unsigned seeds = test::quick() ? 2 : 10;
  double gap = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    SimulatedDevice::Options simulated;
    simulated.seed = seed;
    simulated.noise = 0.1;
    simulated.drift = 0.9;
    SimulatedDevice device(simulated);
    const double optimum = device.best_us(build_space(device.problem(), nullptr));
    const Result<TuneResult> result = tune_on(device.problem(), device, budget(20));
    REQUIRE(result);
    const double found = device.true_us(&result->plan);
    CAPTURE(seed, optimum, found);
    CHECK(found <= device.true_us(nullptr) + 1e-9);
    gap += found / optimum - 1;
  }
  CHECK(gap / seeds < 0.05);
}

TEST_CASE("the default is kept where nothing beats it", "[tuner]") {
  SimulatedDevice::Options simulated;
  simulated.equal_costs = true;
  simulated.regions = false;
  simulated.conversion_us = 0.0;
  simulated.noise = 0.05;
  simulated.drift = 0.3;
  int claims = 0;
  for (unsigned seed = 1; seed <= (test::quick() ? 4u : 20u); ++seed) {
    simulated.seed = seed;
    SimulatedDevice device(simulated);
    const Result<TuneResult> result = tune_on(device.problem(), device, budget(1));
    REQUIRE(result);
    if (!result->default_kept) ++claims;
    if (result->default_kept)
      CHECK(result->plan.points[0].layers == device.problem().default_plan.points[0].layers);
  }
  CHECK(claims <= 2);
}

bool uses(const Plan& plan, std::string_view kernel) {
  const auto& layers = plan.points[0].layers;
  return std::any_of(layers.begin(), layers.end(),
                     [&](const auto& entry) { return entry.second.variant.kernel == kernel; });
}

TEST_CASE("kernels that round too much for the tolerance are given up, and no others", "[tuner]") {
  constexpr std::string_view kRounds = "conv.winograd.f32.plain";
  const auto tuned = [&](float error, double tolerance) {
    SimulatedDevice::Options simulated;
    simulated.fast_winograd = true;
    simulated.winograd_error = error;
    SimulatedDevice device(simulated);
    TuneOptions options = budget(5);
    options.tolerance = tolerance;
    Result<TuneResult> result = tune_on(device.problem(), device, options);
    REQUIRE(result);
    CHECK(device.true_us(&result->plan) < device.true_us(nullptr));
    return *std::move(result);
  };
  CHECK(uses(tuned(0, 1e-4).plan, kRounds));
  CHECK(uses(tuned(5e-4f, 1e-3).plan, kRounds));
  const TuneResult strict = tuned(5e-4f, 1e-4);
  CHECK_FALSE(uses(strict.plan, kRounds));
  REQUIRE_FALSE(strict.notes.empty());
  CHECK(strict.notes[0].find("rounding errors") != std::string::npos);
  CHECK_FALSE(uses(tuned(0.3f, 1e-4).plan, kRounds));  // rubbish
}

TEST_CASE("the budget is honoured and a plan is there at any moment", "[tuner]") {
  for (double seconds : {0.0001, 0.001, 0.005, 0.02, 0.1}) {
    SimulatedDevice device({});
    const double start = device.now_s();
    const Result<TuneResult> result = tune_on(device.problem(), device, budget(seconds));
    REQUIRE(result);
    CAPTURE(seconds);
    CHECK(device.true_us(&result->plan) <= device.true_us(nullptr));
    CHECK(device.now_s() - start <= seconds + 0.03);  // one visit of the slowest setting beyond
    CHECK(result->layers.size() == 6);
  }
}

TEST_CASE("stopping keeps what was learnt", "[tuner]") {
  SimulatedDevice device({});
  std::atomic<bool> stop = false;
  TuneOptions options = budget(50);
  const std::string records = "stop_records_" + std::to_string(::getpid()) + ".jsonl";
  options.records_path = records;
  options.stop = &stop;
  int calls = 0;
  options.progress = [&](const TuneProgress& progress) {
    ++calls;
    if (progress.measurements > 20) stop = true;
  };
  const double start = device.now_s();
  const Result<TuneResult> result = tune_on(device.problem(), device, options);
  REQUIRE(result);
  CHECK(result->stopped);
  CHECK(result->default_kept);
  CHECK(calls > 0);
  CHECK(device.now_s() - start < 2);
  std::FILE* file = std::fopen(records.c_str(), "r");
  REQUIRE(file != nullptr);
  std::fclose(file);
  std::remove(records.c_str());
}

TEST_CASE("records make the second run cheaper", "[tuner]") {
  const std::string records = "tune_records_" + std::to_string(::getpid()) + ".jsonl";
  std::remove(records.c_str());
  TuneOptions options = budget(5);
  options.records_path = records;
  SimulatedDevice device({});
  const Result<TuneResult> first = tune_on(device.problem(), device, options);
  REQUIRE(first);
  const Result<TuneResult> second = tune_on(device.problem(), device, options);
  REQUIRE(second);
  CHECK(second->measurements < first->measurements);
  CHECK(device.true_us(&second->plan) == Catch::Approx(device.true_us(&first->plan)));
  std::remove(records.c_str());
}

TEST_CASE("pinned layers are kept", "[tuner]") {
  SimulatedDevice device({});
  Plan start = device.problem().default_plan;
  PlanLayer& pin = start.points[0].layers["conv1"];
  pin.variant.kernel = "conv.direct.f32.reference";
  pin.variant.signature = {Layout::nchw, Layout::nchw};
  pin.pinned = true;
  PlanLayer& lost = start.points[0].layers["conv0"];
  lost.variant.kernel = "conv.unknown.f32.none";
  lost.pinned = true;
  TuneOptions options = budget(10);
  options.start = &start;
  const Result<TuneResult> result = tune_on(device.problem(), device, options);
  REQUIRE(result);
  const PlanLayer& kept = result->plan.points[0].layers.at("conv1");
  CHECK(kept.variant.kernel == "conv.direct.f32.reference");
  CHECK(kept.pinned);
  CHECK_FALSE(result->plan.points[0].layers.at("conv0").pinned);
  bool noted = false;
  for (const std::string& note : result->notes)
    noted = noted || note.find("conv.unknown.f32.none") != std::string::npos;
  CHECK(noted);
}

TEST_CASE("memory stays within the limit", "[tuner]") {
  SimulatedDevice device({});
  device.set_memory_limit(3000);
  const Result<TuneResult> result = tune_on(device.problem(), device, budget(5));
  REQUIRE(result);
  CHECK(device.most_alive() <= 6);  // three profiled ones, the standard and contenders
  CHECK(device.true_us(&result->plan) ==
        Catch::Approx(device.best_us(build_space(device.problem(), nullptr))));
}

TEST_CASE("explanations name every variant, its cost or why it was refused", "[tuner]") {
  SimulatedDevice device({});
  const Result<TuneResult> result = tune_on(device.problem(), device, budget(5));
  REQUIRE(result);
  REQUIRE(result->layers.size() == 6);
  bool refused = false;
  bool not_reached = false;
  for (const LayerExplanation& layer : result->layers) {
    (void)chosen(layer);
    CHECK_FALSE(layer.desc.empty());
    double last = 0;
    for (const VariantCost& variant : layer.variants) {
      refused = refused || variant.refusal == Refusal::layout;
      not_reached = not_reached || (variant.samples == 0 && variant.refusal == Refusal::none);
      if (variant.samples == 0) continue;
      CHECK(variant.quiet_us >= last);
      last = variant.quiet_us;
    }
  }
  CHECK(refused);
  CHECK(not_reached);  // the reference
}

TEST_CASE("explanations are in the order of what choices go by", "[tuner]") {
  SimulatedDevice device({});
  const Space space = build_space(device.problem(), nullptr);
  CostTable table(space);
  const int setting = table.add_setting(0);
  for (const double us : {5.0, 5.0, 5.0, 5.0}) table.add_sample(0, 0, setting, us);
  for (const double us : {3.0, 3.0, 9.0, 9.0, 9.0}) table.add_sample(0, 1, setting, us);
  const LayerExplanation layer = explain(space, table, default_choice(space))[0];
  REQUIRE(layer.variants.size() >= 2);
  CHECK(layer.variants[0].variant == space.layers[0].candidates[1].variant);
  CHECK(layer.variants[0].quiet_us == 3);
  CHECK(layer.variants[0].us.median == 9);
  CHECK(layer.variants[1].quiet_us == 5);
}

TEST_CASE("settings reach every candidate", "[tuner]") {
  SimulatedDevice::Options simulated;
  simulated.threads = 4;
  SimulatedDevice device(simulated);
  const Space space = build_space(device.problem(), nullptr);
  std::vector<std::vector<int>> seen;
  for (const SpaceLayer& layer : space.layers) seen.emplace_back(layer.candidates.size(), 0);
  const std::vector<Setting> settings = covering_settings(space);
  for (const Setting& setting : settings) {
    for (std::size_t i = 0; i < setting.choice.size(); ++i)
      seen[i][static_cast<std::size_t>(setting.choice[i])] = 1;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (std::size_t c = 0; c < seen[i].size(); ++c) {
      CAPTURE(space.layers[i].id, space.layers[i].candidates[c].variant.kernel);
      CHECK(seen[i][c] == 1);
    }
  }
  CHECK(settings.size() < 20);
}

TEST_CASE("gathering takes every candidate once, with its region", "[tuner]") {
  SimulatedDevice device({});
  const Space space = build_space(device.problem(), nullptr);
  std::vector<Candidacy> wanted;
  for (std::size_t i = 0; i < space.layers.size(); ++i) {
    for (std::size_t c = 0; c < space.layers[i].candidates.size(); ++c) {
      if (!space.layers[i].candidates[c].covered())
        wanted.push_back({static_cast<int>(i), static_cast<int>(c)});
    }
  }
  const std::vector<Candidacy> all = wanted;
  std::vector<Choice> choices;
  while (!wanted.empty()) {
    const std::size_t before = wanted.size();
    choices.push_back(gather(space, wanted));
    REQUIRE(wanted.size() < before);
    Choice consistent = choices.back();
    make_consistent(space, consistent);
    CHECK(consistent == choices.back());
  }
  for (const Candidacy& one : all) {
    CAPTURE(one.layer, one.candidate);
    CHECK(std::any_of(choices.begin(), choices.end(), [&](const Choice& choice) {
      return choice[static_cast<std::size_t>(one.layer)] == one.candidate;
    }));
  }
}

TEST_CASE("slow settings end early, and what is good in them is still found", "[tuner]") {
  SimulatedDevice::Options simulated;
  simulated.noise = 0.05;
  simulated.slow_nchw = 20;
  int slow = 0;
  for (unsigned seed = 1; seed <= (test::quick() ? 2u : 6u); ++seed) {
    simulated.seed = seed;
    SimulatedDevice device(simulated);
    const Space space = build_space(device.problem(), nullptr);
    CostTable table(space);
    Limits limits;
    limits.device = &device;
    Explorer explorer(space, limits, table);
    for (const Setting& setting : covering_settings(space)) explorer.add(setting);
    explorer.run(device.now_s() + 2);
    double fastest = explorer.total_us(0);
    for (int s = 0; s < explorer.settings(); ++s) {
      if (explorer.visits(s) >= 2) fastest = std::min(fastest, explorer.total_us(s));
    }
    for (int s = 1; s < explorer.settings(); ++s) {
      CAPTURE(seed, explorer.name(s), explorer.total_us(s), fastest);
      if (explorer.total_us(s) < 2 * fastest || explorer.name(s) == "second look") continue;
      ++slow;
      CHECK(explorer.visits(s) <= 4);
    }
    const Selection selection = choose(space, table);
    const Plan plan = plan_of(space, selection.choice);
    CHECK(device.true_us(&plan) < 1.1 * device.best_us(space));
  }
  CHECK(slow > 0);
}

}  // namespace
}  // namespace fettle::tuner
