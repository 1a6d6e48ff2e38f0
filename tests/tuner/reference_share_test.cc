// SPDX-License-Identifier: Apache-2.0
#include "tuner/reference_share.h"

#include "tests/tuner/simulated_device.h"
#include "tuner/report.h"
#include "tuner/tune_on.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <vector>

namespace fettle::tuner {
namespace {

StepInfo step(bool reference, std::int64_t operations, bool conversion = false, bool alias = false) {
  StepInfo info;
  info.layer = "n" + std::to_string(operations);
  info.reference = reference;
  info.operations = operations;
  info.conversion = conversion;
  info.alias = alias;
  return info;
}

StepTime taking(std::uint64_t ns) {
  StepTime taken;
  taken.runs = 1;
  taken.total_ns = ns;
  return taken;
}

}  // namespace

TEST_CASE("layers on reference kernels are counted, with their share of the work and of the time",
          "[tuner]") {
  // A conversion takes time and is no layer; a view is neither.
  const std::vector<StepInfo> steps{step(false, 300), step(true, 100), step(false, 0, true),
                                    step(true, 50, false, true)};
  const ReferenceShare work = reference_work(steps);
  CHECK(work.layers == 1);
  CHECK(work.all == 2);
  CHECK(work.share() == Catch::Approx(0.25));
  const std::vector<StepTime> times{taking(50), taking(700), taking(250), taking(0)};
  const ReferenceShare taken = reference_time(steps, times);
  CHECK(taken.layers == 1);
  CHECK(taken.all == 2);
  CHECK(taken.share() == Catch::Approx(0.7));
  CHECK(taken.text("the time") == "1 of 2 layers run on reference kernels, 70.0 % of the time");
  CHECK(taken.names() == ": n100 70.0 %");
  CHECK(reference_work(std::span(steps).first(1)).text("the time") == "no layer runs on a reference kernel");
  CHECK(reference_work(std::span(steps).first(1)).names().empty());
}

TEST_CASE("layers on reference kernels are named, the largest first", "[tuner]") {
  const std::vector<StepInfo> steps{step(true, 10), step(true, 50), step(false, 20), step(true, 20)};
  const ReferenceShare work = reference_work(steps);
  CHECK(work.names() == ": n50 50.0 %, n20 20.0 %, n10 10.0 %");
  CHECK(work.names(1) == ": n50 50.0 % and 2 more");
}

TEST_CASE("a tuning result counts the variants that were chosen", "[tuner][report]") {
  TuneResult result;
  for (const bool reference : {false, true}) {
    VariantCost chosen;
    chosen.variant.kernel = reference ? "det.eliminate.any.reference" : "conv.fast.f32.test";
    chosen.reference = reference;
    chosen.chosen = true;
    chosen.samples = 5;
    chosen.quiet_us = reference ? 30 : 60;
    VariantCost other;
    other.reference = true;
    other.samples = 5;
    other.quiet_us = 1000;
    LayerExplanation layer;
    layer.layer = "<det>";
    layer.variants = {chosen, other};
    layer.conversions_us = 5;
    result.layers.push_back(layer);
  }
  const ReferenceShare share = reference_time(result.layers);
  CHECK(share.layers == 1);
  CHECK(share.all == 2);
  CHECK(share.share() == Catch::Approx(0.3));
  CHECK(report_page("model", result)
            .find("1 of 2 layers run on reference kernels, 30.0 % of the time: &lt;det&gt; 30.0 %") !=
        std::string::npos);
}

TEST_CASE("the tuner knows reference variants by what they are", "[tuner]") {
  const testing::SimulatedDevice::Options options;
  testing::SimulatedDevice device(options);
  const Space space = build_space(device.problem(), nullptr);
  int reference = 0;
  for (const SpaceLayer& layer : space.layers) {
    for (const Candidate& candidate : layer.candidates) {
      CHECK_FALSE(candidate.reference);  // there are alternatives, and no layer is tiny
    }
    for (const Excluded& excluded : layer.excluded)
      reference +=
          excluded.variant.kernel == "conv.direct.f32.reference" && excluded.refusal == Refusal::none ? 1 : 0;
  }
  CHECK(reference > 0);
}

}  // namespace fettle::tuner
