// SPDX-License-Identifier: Apache-2.0
#include "tuner/choose.h"

#include "tests/tuner/simulated_device.h"
#include "tuner/cost_policy.h"
#include "tuner/predict.h"
#include "tuner/settings.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <random>

namespace fettle::tuner {
namespace {

using testing::SimulatedDevice;

// A table in which every candidate and conversion has a random cost.
CostTable random_table(const Space& space, std::mt19937& rng) {
  std::uniform_real_distribution<> us(1, 100);
  CostTable table(space);
  const int setting = table.add_setting(kHomogeneousRank);
  for (std::size_t i = 0; i < space.layers.size(); ++i) {
    for (std::size_t c = 0; c < space.layers[i].candidates.size(); ++c)
      table.add_sample(static_cast<int>(i), static_cast<int>(c), setting, us(rng));
  }
  for (const auto& [number, value] : space.values) {
    std::vector<Format> formats;
    for (Layout layout : {Layout::nchw, Layout::nhwc, Layout::nchwc}) {
      formats.push_back({layout, value.type});
      if (value.type == DataType::f32) formats.push_back({layout, DataType::f16});
    }
    for (const Format& from : formats) {
      for (const Format& to : formats) {
        const Format source = value.picture ? Format{Layout::nhwc, DataType::u8} : from;
        table.add_conversion(conversion_key(value.shape, source, to), 1000, us(rng) / 4);
      }
    }
  }
  return table;
}

// Gives every third variant the formats of reduced precision.
void reduce(Problem& problem) {
  int count = 0;
  for (LayerVariants& layer : problem.variants) {
    for (VariantInfo& variant : layer.variants) {
      if (++count % 3 != 0) continue;
      Signature& signature = variant.variant.signature;
      signature.input.type = signature.weights = DataType::f16;
      if (count % 2 == 0) signature.output.type = DataType::f16;
    }
  }
}

// The lowest prediction over all choices in which regions and what they cover agree.
double best_prediction(const Space& space, const CostTable& table) {
  Choice choice(space.layers.size(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    Choice consistent = choice;
    make_consistent(space, consistent);
    if (consistent == choice) best = std::min(best, predict(space, table, choice, nullptr));
    std::size_t i = 0;
    while (i < choice.size() && ++choice[i] == static_cast<int>(space.layers[i].candidates.size()))
      choice[i++] = 0;
    if (i == choice.size()) return best;
  }
}

TEST_CASE("values of any type are chosen for", "[tuner][choose]") {
  std::mt19937 rng(5);
  constexpr int kLast = static_cast<int>(DataType::u2);
  for (int number = static_cast<int>(DataType::f32); number <= kLast; ++number) {
    const auto type = static_cast<DataType>(number);
    CAPTURE(to_string(type));
    SimulatedDevice::Options simulated;
    simulated.layers = 4;
    Problem problem = SimulatedDevice(simulated).problem();
    for (LayerInfo& layer : problem.layers) {
      for (TensorDesc& tensor : layer.desc.inputs) tensor.format.type = type;
      for (TensorDesc& tensor : layer.desc.outputs) tensor.format.type = type;
    }
    const Space space = build_space(problem, nullptr);
    const CostTable table = random_table(space, rng);
    const Selection selection = choose(space, table);
    REQUIRE_FALSE(selection.choice.empty());
    CHECK(selection.predicted_us == Catch::Approx(best_prediction(space, table)));
  }
}

TEST_CASE("choose takes what is predicted to be the cheapest", "[tuner][choose]") {
  std::mt19937 rng(3);
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SimulatedDevice::Options simulated;
    simulated.seed = seed;
    simulated.layers = 3 + static_cast<int>(seed % 3);
    simulated.regions = seed % 4 != 0;
    Problem problem = SimulatedDevice(simulated).problem();
    if (seed % 2 == 0) problem.pictures.insert(0);
    if (seed % 5 == 0) problem.pictures.insert(2);  // made by a layer: is read through conversions alone
    if (seed % 3 == 0) problem.outputs.insert(1);   // read by layers too
    if (seed % 4 < 2) reduce(problem);
    const Space space = build_space(problem, nullptr);
    const CostTable table = random_table(space, rng);
    const Selection selection = choose(space, table);
    CAPTURE(seed);
    REQUIRE_FALSE(selection.choice.empty());
    CHECK(selection.optimal);
    CHECK(selection.bound_reached.empty());
    CHECK(selection.predicted_us == Catch::Approx(best_prediction(space, table)));
    CHECK(selection.predicted_us == predict(space, table, selection.choice, nullptr));
  }
}

TEST_CASE("choose says when the table allows nothing", "[tuner][choose]") {
  SimulatedDevice device({});
  const Space space = build_space(device.problem(), nullptr);
  const Selection selection = choose(space, CostTable(space));
  CHECK(selection.choice.empty());
}

TEST_CASE("cost policies: optimism, caution and rounding", "[tuner][choose]") {
  SimulatedDevice device({});
  const Space space = build_space(device.problem(), nullptr);
  CostTable table(space);
  const int seen = table.add_setting(kHomogeneousRank);
  const int chosen = table.add_setting(kChosenRank);
  const int standard = space.layers[0].default_candidate;
  const int other = standard == 0 ? 1 : 0;
  for (int sample = 0; sample < 3; ++sample) {
    table.add_sample(0, standard, seen, 100);
    table.add_sample(0, other, chosen, 100);
  }
  const auto us = [&](const CostPolicy& policy, int candidate) {
    return policy_us(policy, table, space, 0, candidate);
  };
  CHECK(us({}, standard) == 100);
  CHECK(us({.optimism = 0.1}, standard) == Catch::Approx(90));
  CHECK(us({.optimism = 0.1}, other) == 100);  // measured in place
  CHECK(us({.caution = 0.2}, standard) == Catch::Approx(80));
  CHECK(us({.caution = 0.2}, other) == 100);
  CHECK(us({.optimism = 0.1, .caution = 0.2}, standard) == Catch::Approx(72));
  CHECK(us({.most_rounding = space.layers[0].candidates[static_cast<std::size_t>(other)].rounding}, other) ==
        100);
  CHECK(us({.most_rounding = 0.5f}, other) == kForbidden);
  for (std::size_t c = 0; c < space.layers[0].candidates.size(); ++c) {
    const int candidate = static_cast<int>(c);
    if (candidate != standard && candidate != other) CHECK(us({}, candidate) == kForbidden);
  }
}

}  // namespace
}  // namespace fettle::tuner
