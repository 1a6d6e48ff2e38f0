// SPDX-License-Identifier: Apache-2.0
//
// Metrics, decisions and intervals.
#include <fettle/accuracy.h>

#include "tuner/accuracy/decisions.h"

#include <fettle/model.h>
#include <fettle/runtime.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <string>

#ifndef FETTLE_SOURCE_DIR
#define FETTLE_SOURCE_DIR "."
#endif

namespace fettle {
namespace {

using Catch::Approx;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

double score(TaskMetric& metric, std::size_t sample, std::vector<float> scores) {
  TensorInfo info;
  info.name = "scores";
  info.shape = Shape{1, static_cast<std::int64_t>(scores.size())};
  info.bytes = scores.size() * sizeof(float);
  const TensorView view(&info, reinterpret_cast<std::byte*>(scores.data()));
  const Result<double> result = metric.score(sample, std::span(&view, 1));
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("a class counts among the k best, of equal scores the first, NaN never", "[accuracy]") {
  const auto first = top_k_metric({2, 0, 1}, 1);
  CHECK(first->name() == "top1");
  CHECK(score(*first, 0, {1, 2, 3}) == 1);
  CHECK(score(*first, 1, {1, 2, 3}) == 0);
  CHECK(score(*first, 1, {3, 3, 3}) == 1);
  CHECK(score(*first, 2, {3, 3, 3}) == 0);
  CHECK(score(*first, 0, {1, 2, kNan}) == 0);
  CHECK(score(*first, 0, {kNan, kNan, 1}) == 1);
  const auto second = top_k_metric({0}, 2);
  CHECK(score(*second, 0, {1, 2, 0}) == 1);
  CHECK(score(*second, 0, {1, 2, 3}) == 0);
}

TEST_CASE("a class that the output does not have is an error", "[accuracy]") {
  const auto metric = top_k_metric({3}, 1);
  TensorInfo info;
  info.name = "scores";
  info.shape = Shape{1, 3};
  info.bytes = 12;
  float scores[3] = {1, 2, 3};
  const TensorView view(&info, reinterpret_cast<std::byte*>(scores));
  const Result<double> result = metric->score(0, std::span(&view, 1));
  REQUIRE(!result);
  CHECK(result.error().code() == ErrorCode::kWrongShape);
  CHECK(result.error().message().find("class 3") != std::string::npos);
}

TEST_CASE("PSNR in decibels", "[accuracy]") {
  const auto metric = psnr_metric(
      [](std::size_t) -> Result<std::vector<float>> {
        return std::vector<float>{0, 0};
      },
      255);
  CHECK(score(*metric, 0, {1, -1}) == Approx(20 * std::log10(255.0)));
  CHECK(score(*metric, 0, {0, 0}) == 100);
  CHECK(score(*metric, 0, {kNan, 0}) == 0);
  CHECK_FALSE(metric->is_fraction());
}

TEST_CASE("the interval of paired fractions", "[accuracy]") {
  // Of 100 samples 3 got worse and 1 better: Agresti and Min give (2 +- 1.96 sqrt(5 - 4/102)) / 102.
  std::vector<double> before(100, 1);
  std::vector<double> after(100, 1);
  for (int i = 0; i < 3; ++i) after[static_cast<std::size_t>(i)] = 0;
  before[50] = 0;
  const PairedDifference drop = paired_drop(before, after, true);
  CHECK(drop.value == Approx(0.02));
  CHECK(drop.low == Approx((2 - 1.959964 * std::sqrt(5 - 4.0 / 102)) / 102));
  CHECK(drop.high == Approx((2 + 1.959964 * std::sqrt(5 - 4.0 / 102)) / 102));
  // Where nothing differs it is not empty, for a sample says only so much.
  const PairedDifference none = paired_drop(before, before, true);
  CHECK(none.value == 0);
  CHECK(none.high == Approx(1.959964 / 102));
  const PairedDifference exact = paired_drop(before, before, false);
  CHECK(exact.high == 0);
}

TEST_CASE("scores lie along the axis of classes", "[accuracy]") {
  using tuner::ScoreRows;
  const ScoreRows vector(Shape{1, 10});
  CHECK(vector.rows == 1);
  CHECK(vector.classes == 10);
  const ScoreRows pooled(Shape{2, 10, 1, 1});
  CHECK(pooled.rows == 2);
  CHECK(pooled.start(1) == 10);
  const ScoreRows boxes(Shape{1, 4420, 2});
  CHECK(boxes.rows == 4420);
  CHECK(boxes.classes == 2);
  const ScoreRows pixels(Shape{2, 21, 3, 4});
  CHECK(pixels.rows == 24);
  CHECK(pixels.classes == 21);
  CHECK(pixels.stride == 12);
  CHECK(pixels.start(1) == 1);
  CHECK(pixels.start(12) == 21 * 12);
}

TEST_CASE("decisions and distributions", "[accuracy]") {
  CHECK(tuner::decision(std::vector<float>{1, 3, 3}) == 1);
  CHECK(tuner::decision(std::vector<float>{kNan, 1, 2}) == 2);
  std::vector<double> probabilities;
  REQUIRE(tuner::distribution(std::vector<float>{0.25f, 0.75f}, probabilities));
  CHECK(probabilities[1] == 0.75);
  REQUIRE(tuner::distribution(std::vector<float>{1000, 1000}, probabilities));
  CHECK(probabilities[0] == 0.5);
  CHECK_FALSE(tuner::distribution(std::vector<float>{1, kNan}, probabilities));
  CHECK(tuner::divergence(std::vector<double>{0.5, 0.5}, std::vector<double>{0.25, 0.75}) ==
        Approx(0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3)));
}

TEST_CASE("a network beside itself loses nothing, and needs samples", "[accuracy]") {
  const Result<Model> model = Model::load(std::string(FETTLE_SOURCE_DIR) + "/examples/glyphs/glyphs.onnx");
  REQUIRE(model);
  const Result<Program> program = Program::compile(*model);
  REQUIRE(program);
  Samples samples;
  samples.load = [](std::size_t index, std::span<const TensorView> inputs) -> Status {
    float value = static_cast<float>(index) * 0.1f;
    for (float& element : inputs.front().values<float>()) element = value = value > 1 ? -1 : value + 0.013f;
    return {};
  };
  const Result<AccuracyResult> none = measure_accuracy(*program, *program, samples);
  REQUIRE(!none);
  CHECK(none.error().code() == ErrorCode::kInvalidArgument);
  samples.count = 3;
  const auto metric = top_k_metric({0, 0, 0}, 1);
  TaskMetric* const metrics[] = {metric.get()};
  const Result<AccuracyResult> result = measure_accuracy(*program, *program, samples, metrics);
  REQUIRE(result);
  CHECK(result->samples == 3);
  CHECK(result->agreement == 1);
  CHECK(result->mean_kl == 0);
  CHECK(result->sqnr_db == 200);
  REQUIRE(result->metrics.size() == 1);
  CHECK(result->metrics.front().drop.value == 0);
}

}  // namespace fettle
