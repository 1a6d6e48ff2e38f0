// SPDX-License-Identifier: Apache-2.0
//
// Which weights in fewer bits the tuner tries.
#include "tests/tuner/simulated_device.h"
#include "tuner/cost_table.h"
#include "tuner/explain.h"
#include "tuner/space.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>

namespace fettle::tuner {
namespace {

constexpr FormatTag kPlain{Layout::nchw, DataType::f32};

// The simulated network, the first layer of which may also store its weights in `type`.
Problem problem_with(const Kernel& kernel, DataType type) {
  const testing::SimulatedDevice::Options options;
  testing::SimulatedDevice device(options);
  Problem problem = device.problem();
  VariantInfo narrow;
  narrow.kernel = &kernel;
  narrow.variant.kernel = kernel.name;
  narrow.variant.revision = kernel.revision;
  narrow.variant.signature = {kPlain, kPlain, type};
  problem.variants[0].variants.push_back(narrow);
  return problem;
}

Kernel named(std::string_view name) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  return kernel;
}

bool is_tried(const Space& space, std::string_view kernel) {
  return std::any_of(space.layers[0].candidates.begin(), space.layers[0].candidates.end(),
                     [&](const Candidate& candidate) { return candidate.variant.kernel == kernel; });
}

}  // namespace

TEST_CASE("the tuner tries weights in float16, and says why it does not try integers", "[tuner]") {
  const Kernel half = named("conv.half.f32.test");
  CHECK(is_tried(build_space(problem_with(half, DataType::f16), nullptr), half.name));
  CHECK(is_tried(build_space(problem_with(half, DataType::bf16), nullptr), half.name));
  const Kernel bytes = named("conv.bytes.f32.test");
  const Space space = build_space(problem_with(bytes, DataType::s8), nullptr);
  CHECK_FALSE(is_tried(space, bytes.name));
  const auto layers = explain(space, CostTable(space), default_choice(space));
  const auto& variants = layers[0].variants;
  const auto found = std::find_if(variants.begin(), variants.end(),
                                  [&](const VariantCost& cost) { return cost.variant.kernel == bytes.name; });
  REQUIRE(found != variants.end());
  CHECK(found->refusal == Refusal::none);
  CHECK(found->left_out == "integer weights need a bound of the accuracy");
  CHECK(std::count_if(variants.begin(), variants.end(), [](const VariantCost& cost) {
          return cost.left_out == "too slow to be worth the budget";
        }) > 0);
}

TEST_CASE("the tuner tries integer weights in a layer for which the start plan names them", "[tuner]") {
  const Kernel bytes = named("conv.bytes.f32.test");
  const Problem problem = problem_with(bytes, DataType::s8);
  Plan start = problem.default_plan;
  start.points.front().layers.at(problem.layers[0].id).variant = problem.variants[0].variants.back().variant;
  CHECK(is_tried(build_space(problem, &start), bytes.name));
  CHECK_FALSE(is_tried(build_space(problem, &problem.default_plan), bytes.name));
}

}  // namespace fettle::tuner
