// SPDX-License-Identifier: Apache-2.0
//
// The tuner on this machine and a real network.
#include <fettle/runtime.h>
#include <fettle/tuner.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#ifndef FETTLE_SOURCE_DIR
#define FETTLE_SOURCE_DIR "."
#endif

namespace fettle {
namespace {

std::string network() { return std::string(FETTLE_SOURCE_DIR) + "/examples/glyphs/glyphs.onnx"; }

Result<Model> load_network() { return Model::load(network()); }

std::vector<float> outputs_of(const Model& model, const Plan* plan, int threads) {
  CompileOptions options;
  options.threads = threads;
  Result<Program> program = Program::compile(model, plan, options);
  REQUIRE(program);
  CHECK(program->report().empty());
  Result<Runtime> runtime = Runtime::create(*program);
  REQUIRE(runtime);
  float value = -1;
  for (float& element : runtime->input(0).values<float>()) element = value = value > 1 ? -1 : value + 0.013f;
  REQUIRE(runtime->run());
  const std::span<const float> scores = runtime->output(0).values<float>();
  return {scores.begin(), scores.end()};
}

TEST_CASE("a network is tuned within its budget and the plan computes the same", "[tuner][end_to_end]") {
  const Result<Model> model = load_network();
  if (!model) SKIP("no network at " << network() << ": " << model.error().message());
  const int threads = GENERATE_COPY(1, 2);
  TuneOptions options;
  options.budget_s = 1;
  options.threads = threads;
  int calls = 0;
  options.progress = [&](const TuneProgress& progress) {
    ++calls;
    CHECK(progress.budget_s == 1);
  };
  const Result<TuneResult> result = tune(*model, options);
  REQUIRE(result);
  CAPTURE(threads, result->ratio, result->rounds, result->notes, result->seconds);
  CHECK(calls > 1);
  CHECK(result->seconds < 5);
  CHECK(result->layers.size() == model->layers().size());
  CHECK((result->default_kept || result->ratio < 1));
  REQUIRE(result->plan.expected);
  CHECK(result->plan.expected->arena_bytes > 0);

  const std::string path = (std::filesystem::temp_directory_path() / "fettle_end_to_end.plan.json").string();
  REQUIRE(result->plan.save(path));
  const Result<Plan> plan = Plan::load(path);
  REQUIRE(plan);
  std::filesystem::remove(path);
  const std::vector<float> expected = outputs_of(*model, nullptr, threads);
  const std::vector<float> actual = outputs_of(*model, &*plan, threads);
  REQUIRE(actual.size() == expected.size());
  float largest = 0;
  for (float value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(std::abs(actual[i] - expected[i]) <= 1e-4f * largest);

  const std::string page = tune_report_html(*model, *result);
  CHECK(page.find("</html>") != std::string::npos);
  CHECK(page.find("src=") == std::string::npos);
  CHECK(page.find("http://") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
}

TEST_CASE("a tuning run that is stopped at once still gives a plan", "[tuner][end_to_end]") {
  const Result<Model> model = load_network();
  if (!model) SKIP("no network at " << network() << ": " << model.error().message());
  const std::atomic<bool> stop = true;
  TuneOptions options;
  options.budget_s = 30;
  options.stop = &stop;
  const Result<TuneResult> result = tune(*model, options);
  REQUIRE(result);
  CHECK(result->stopped);
  CHECK(result->default_kept);
  CHECK(result->seconds < 2);
  CHECK(Program::compile(*model, &result->plan));
}

TEST_CASE("options of tuning are checked", "[tuner][end_to_end]") {
  const Result<Model> model = load_network();
  if (!model) SKIP("no network at " << network() << ": " << model.error().message());
  const auto code = [&](const TuneOptions& options) {
    const Result<TuneResult> result = tune(*model, options);
    REQUIRE_FALSE(result);
    CHECK_FALSE(result.error().hint().empty());
    return result.error().code();
  };
  TuneOptions options;
  options.threads = 0;
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options.threads = 1000;
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options = {};
  options.budget_s = -1;
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options.budget_s = std::nan("");
  CHECK(code(options) == ErrorCode::kInvalidArgument);
  options = {};
  Plan other;
  other.model.graph = "xxh3:0";
  options.start = &other;
  CHECK(code(options) == ErrorCode::kPlanOtherModel);
  options = {};
  options.budget_s = 0.05;
  options.records_path = "/nowhere/at/all/records.jsonl";
  CHECK(code(options) == ErrorCode::kFileUnwritable);
}

}  // namespace
}  // namespace fettle
