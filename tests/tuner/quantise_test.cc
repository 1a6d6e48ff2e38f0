// SPDX-License-Identifier: Apache-2.0
//
// The quantiser on the example network, and the quantised models that come of it.
#include <fettle/quantiser.h>

#include "tuner/quantise/histogram.h"
#include "tuner/quantise/ranges.h"
#include "tuner/quantise/weight_scales.h"

#include "tests/common/data.h"

#include <fettle/plan.h>
#include <fettle/runtime.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#ifndef FETTLE_SOURCE_DIR
#define FETTLE_SOURCE_DIR "."
#endif

namespace fettle {
namespace {

using Catch::Approx;

Model example() {
  Result<Model> model = Model::load(std::string(FETTLE_SOURCE_DIR) + "/examples/glyphs/glyphs.onnx");
  REQUIRE(model);
  return *std::move(model);
}

// Pictures without sense that are smooth, as real ones are.
Samples pictures(std::size_t count) {
  Samples samples;
  samples.count = count;
  samples.load = [](std::size_t index, std::span<const TensorView> inputs) -> Status {
    std::mt19937 random(static_cast<unsigned>(index));
    const auto number = [&] { return static_cast<float>(random() & 0xffff) / 65536.0f; };
    const float down = number() * 0.4f;
    const float right = number() * 0.4f;
    const float phase = number() * 6.0f;
    const Shape& shape = inputs.front().shape();
    const std::span<float> values = inputs.front().values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto row = static_cast<float>(static_cast<std::int64_t>(i) / shape[3] % shape[2]);
      const auto column = static_cast<float>(static_cast<std::int64_t>(i) % shape[3]);
      values[i] = std::sin(row * down + column * right + phase) + 0.1f * number();
    }
    return {};
  };
  return samples;
}

// The whole search takes a while, and an emulator for ever.
QuantiseOptions plain_ranges() {
  QuantiseOptions options;
  options.method = RangeMethod::min_max;
  options.equalise = false;
  return options;
}
QuantiseOptions all_ranges() {
  QuantiseOptions options;
  if (test::quick()) options.method = RangeMethod::percentile;
  return options;
}

QuantiseResult quantised(const Model& model, const QuantiseOptions& options,
                         std::size_t count = test::quick() ? 4 : 24) {
  Result<QuantiseResult> result = quantise(model, pictures(count), options);
  if (!result) FAIL(result.error().text());
  return *std::move(result);
}

double signal_to_noise(const Model& real, const Model& other) {
  const Result<Program> before = Program::compile(real);
  const Result<Program> after = Program::compile(other);
  REQUIRE(before);
  REQUIRE(after);
  const Result<AccuracyResult> result = measure_accuracy(*before, *after, pictures(40));
  REQUIRE(result);
  return result->sqnr_db;
}

std::size_t integer_layers_of(const Model& model) {
  return static_cast<std::size_t>(std::ranges::count_if(
      model.layers(), [](const LayerInfo& layer) { return layer.desc.outputs.front().format.scale != 0; }));
}

Error error_of(const Model& model, const Quantisation& quantisation) {
  const Result<Model> result = model.quantised(quantisation);
  REQUIRE(!result);
  return result.error();
}

void expect(const Error& error, ErrorCode code, const std::string& mention) {
  INFO(error.text());
  CHECK(error.code() == code);
  CHECK(error.message().find(mention) != std::string::npos);
  CHECK_FALSE(error.hint().empty());
}

}  // namespace

TEST_CASE("a quantised network computes with integers, and about the same", "[quantise]") {
  const Model model = example();
  QuantiseOptions options = all_ranges();
  options.type = GENERATE(DataType::s8, DataType::u8);
  options.real_work = 0;
  const QuantiseResult result = quantised(model, options);
  const Result<Model> integers = model.quantised(result.quantisation);
  REQUIRE(integers);
  CHECK(integer_layers_of(*integers) >= result.quantisation.layers.size());
  CHECK(result.quantisation.layers.size() + result.real_layers.size() == model.layers().size());
  CHECK(result.quantisation.layers.size() > model.layers().size() / 2);
  CHECK(integers->constant_bytes() < model.constant_bytes() / 2);
  CHECK(integers->graph_hash() == model.graph_hash());
  CHECK(signal_to_noise(model, *integers) > 20);
  REQUIRE_FALSE(result.layers.empty());
  CHECK(std::ranges::is_sorted(result.layers, std::greater<>(), &LayerSensitivity::noise));
  // The whole is about as noisy as its layers together.
  CHECK(result.noise < 4 * result.expected_noise);
  CHECK(result.noise > result.expected_noise / 8);
}

TEST_CASE("what the quantiser chooses is better than plain ranges", "[quantise]") {
  const Model model = example();
  QuantiseOptions plain = plain_ranges();
  plain.correct_biases = false;
  plain.real_work = 0;
  const QuantiseResult simple = quantised(model, plain);
  QuantiseOptions all = all_ranges();
  all.real_work = 0;
  const QuantiseResult chosen = quantised(model, all);
  CHECK(chosen.noise <= simple.noise);
  all.rounded_layers = 100;
  const QuantiseResult rounded = quantised(model, all);
  CHECK(rounded.noise <= chosen.noise);
  const bool any = std::ranges::any_of(rounded.quantisation.layers,
                                       [](const auto& layer) { return !layer.second.weights.empty(); });
  CHECK(any);
}

TEST_CASE("a plan holds all that a float model needs", "[quantise]") {
  const Model model = example();
  const QuantiseResult result = quantised(model, plain_ranges());
  const Result<Model> integers = model.quantised(result.quantisation);
  REQUIRE(integers);
  const Result<Program> direct = Program::compile(*integers);
  REQUIRE(direct);
  const Result<Plan> plan = Plan::parse(direct->effective_plan().json());
  REQUIRE(plan);
  REQUIRE(plan->quantisation);
  CHECK(*plan->quantisation == result.quantisation);
  const Result<Program> planned = Program::compile(model, &*plan);
  REQUIRE(planned);
  CHECK(planned->report().empty());
  const Result<AccuracyResult> same = measure_accuracy(*direct, *planned, pictures(5));
  REQUIRE(same);
  CHECK(same->sqnr_db == 200);
  CompileOptions careful;
  careful.quantised_plans = false;
  const Result<Program> unwanted = Program::compile(model, &*plan, careful);
  REQUIRE(!unwanted);
  CHECK(unwanted.error().code() == ErrorCode::kInvalidArgument);
  // Compiling the quantised model by the plan quantises it no second time.
  const Result<Program> again = Program::compile(*integers, &*plan);
  REQUIRE(again);

  Plan other = *plan;
  other.model.weights = "xxh3:00000000000000000000000000000000";
  const Result<Program> refused = Program::compile(model, &other);
  REQUIRE(!refused);
  CHECK(refused.error().code() == ErrorCode::kPlanOtherModel);
  other = *plan;
  Quantisation nothing_said = result.quantisation;
  nothing_said.values.clear();
  other.quantisation = std::make_shared<const Quantisation>(nothing_said);
  const Result<Program> broken = Program::compile(model, &other);
  REQUIRE(!broken);
  CHECK(broken.error().code() == ErrorCode::kPlanMalformed);
}

TEST_CASE("a file of the quantised network gives the same outputs", "[quantise]") {
  const Model model = example();
  QuantiseOptions options = plain_ranges();
  options.rounded_layers = 3;
  const QuantiseResult result = quantised(model, options);
  const Result<Model> integers = model.quantised(result.quantisation);
  REQUIRE(integers);
  const Result<std::string> bytes = integers->onnx();
  if (!bytes && bytes.error().code() == ErrorCode::kNotCompiledIn) SKIP(bytes.error().message());
  REQUIRE(bytes);
  const Result<Model> read = Model::parse(std::as_bytes(std::span(*bytes)));
  REQUIRE(read);
  CHECK(signal_to_noise(*integers, *read) == 200);
}

TEST_CASE("layers that are to stay in floats do, and others where the result is not accepted", "[quantise]") {
  const Model model = example();
  const auto conv = std::ranges::find(model.layers(), Op::conv,
                                      [](const LayerInfo& layer) { return layer.desc.main().op; });
  QuantiseOptions options = plain_ranges();
  options.keep_real = {conv->id};
  const QuantiseResult kept = quantised(model, options);
  CHECK_FALSE(kept.quantisation.layers.contains(conv->id));

  options = plain_ranges();
  options.real_work = 0;
  const std::size_t all = quantised(model, options).quantisation.layers.size();
  std::size_t calls = 0;
  options.accept = [&](const Model& candidate) -> Result<bool> {
    ++calls;
    return integer_layers_of(candidate) < all - 2;
  };
  const QuantiseResult fewer = quantised(model, options);
  CHECK(calls > 1);
  CHECK(fewer.accepted);
  CHECK(fewer.quantisation.layers.size() < all);
  CHECK(fewer.quantisation.layers.size() > all / 2);
  options.accept = [](const Model&) -> Result<bool> { return false; };
  const QuantiseResult never = quantised(model, options);
  CHECK_FALSE(never.accepted);
  CHECK(never.quantisation.layers.size() == all);
}

TEST_CASE("bad input to the quantiser is named", "[quantise]") {
  const Model model = example();
  const auto error = [&](const Samples& samples, const QuantiseOptions& options = {}) {
    const Result<QuantiseResult> result = quantise(model, samples, options);
    REQUIRE(!result);
    return result.error();
  };
  expect(error(pictures(1)), ErrorCode::kInvalidArgument, "1 samples");
  QuantiseOptions options;
  options.keep_real = {"nothing"};
  expect(error(pictures(4), options), ErrorCode::kInvalidArgument, "nothing");
  options = {};
  options.type = DataType::f32;
  expect(error(pictures(4), options), ErrorCode::kInvalidArgument, "f32");
  Samples broken = pictures(4);
  broken.load = [](std::size_t index, std::span<const TensorView> inputs) -> Status {
    for (float& value : inputs.front().values<float>())
      value = index == 2 ? std::numeric_limits<float>::quiet_NaN() : 1.0f;
    return {};
  };
  expect(error(broken), ErrorCode::kInvalidArgument, "sample 2");
  broken.load = [](std::size_t, std::span<const TensorView>) -> Status {
    return Error(ErrorCode::kFileNotFound, "gone", "look");
  };
  expect(error(broken), ErrorCode::kFileNotFound, "gone");
  const Result<Model> integers = model.quantised(quantised(model, plain_ranges()).quantisation);
  REQUIRE(integers);
  const Result<QuantiseResult> twice = quantise(*integers, pictures(4));
  REQUIRE(!twice);
  expect(twice.error(), ErrorCode::kInvalidArgument, "already");
}

TEST_CASE("a quantisation that does not fit the model is refused by name", "[quantise]") {
  const Model model = example();
  QuantiseOptions options = plain_ranges();
  options.sensitivity = false;
  options.real_work = 0;
  const Quantisation good = quantised(model, options, 4).quantisation;
  const auto first = std::ranges::find_if(
      good.layers, [](const auto& layer) { return layer.second.weight_scales.size() > 1; });
  REQUIRE(first != good.layers.end());
  const auto changed = [&](auto&& change) {
    Quantisation bad = good;
    change(bad);
    return error_of(model, bad);
  };
  const std::string& id = first->first;
  const std::string value = good.values.begin()->first;
  expect(changed([&](Quantisation& bad) { bad.values["no such value"] = {}; }), ErrorCode::kUnknownName,
         "no such value");
  expect(changed([&](Quantisation& bad) { bad.layers["no such layer"] = {}; }), ErrorCode::kUnknownName,
         "no such layer");
  expect(changed([&](Quantisation& bad) { bad.values[value].scale = 0; }), ErrorCode::kInvalidArgument,
         value);
  expect(
      changed([&](Quantisation& bad) { bad.values[value].scale = std::numeric_limits<float>::quiet_NaN(); }),
      ErrorCode::kInvalidArgument, value);
  expect(changed([&](Quantisation& bad) { bad.values[value].zero_point = 300; }), ErrorCode::kInvalidArgument,
         "300");
  expect(changed([&](Quantisation& bad) { bad.values[value].type = DataType::f32; }),
         ErrorCode::kInvalidArgument, "f32");
  expect(changed([&](Quantisation& bad) { bad.values.erase(value); }), ErrorCode::kInvalidArgument, value);
  expect(changed([&](Quantisation& bad) { bad.layers[id].weight_scales.pop_back(); }),
         ErrorCode::kInvalidArgument, id);
  expect(changed([&](Quantisation& bad) { bad.layers[id].weight_scales.front() = -1; }),
         ErrorCode::kInvalidArgument, id);
  expect(changed([&](Quantisation& bad) { bad.layers[id].bias_shift = {INFINITY}; }),
         ErrorCode::kInvalidArgument, id);
  expect(changed([&](Quantisation& bad) {
           bad.layers[id].weights = {1, 2};
         }),
         ErrorCode::kInvalidArgument, id);
  const auto bare =
      std::ranges::find_if(good.layers, [](const auto& layer) { return layer.second.weight_scales.empty(); });
  REQUIRE(bare != good.layers.end());
  expect(changed([&](Quantisation& bad) { bad.layers[bare->first].weight_scales = {1}; }),
         ErrorCode::kInvalidArgument, bare->first);
  expect(changed([&](Quantisation& bad) {
           bad.equalised.push_back({id, "no such layer", {}});
         }),
         ErrorCode::kUnknownName, "no such layer");
  expect(changed([&](Quantisation& bad) {
           bad.equalised.push_back({id, id, {1}});
         }),
         ErrorCode::kInvalidArgument, id);
}

TEST_CASE("equalised layers give the same results", "[quantise]") {
  const Model model = example();
  // Any two layers with weights one of which reads nothing but the other.
  std::size_t pairs = 0;
  for (const LayerInfo& first : model.layers()) {
    if (first.desc.main().op != Op::conv) continue;
    for (const LayerInfo& second : model.layers()) {
      if (second.desc.main().op != Op::conv || second.inputs.front() != first.outputs.front()) continue;
      const std::int64_t channels = first.desc.outputs.front().shape[1];
      const bool bounded = first.desc.main().clamp && !std::isinf(first.desc.main().clamp->high);
      Quantisation alone;
      alone.equalised = {{first.id, second.id, {}}};
      for (std::int64_t i = 0; i < channels; ++i)
        alone.equalised.front().factors.push_back(bounded ? 1.0f : 0.25f + 0.5f * static_cast<float>(i));
      const Result<Model> equalised = model.quantised(alone);
      if (!equalised) continue;  // something else reads the result, too
      ++pairs;
      CHECK(signal_to_noise(model, *equalised) > 100);
      alone.equalised.front().factors.front() = bounded ? 2.0f : 0.0f;
      CHECK(!model.quantised(alone));
    }
  }
  CHECK(pairs > 0);
}

TEST_CASE("a histogram widens and keeps what it has counted", "[quantise]") {
  tuner::Histogram histogram;
  CHECK(histogram.empty());
  for (int i = 0; i < 1000; ++i) histogram.add(static_cast<float>(i) * 0.001f);
  histogram.add(-100.0f);
  histogram.add(std::numeric_limits<float>::quiet_NaN());
  CHECK(histogram.count() == 1001);
  CHECK(histogram.not_finite() == 1);
  CHECK(histogram.low() == -100.0f);
  CHECK(histogram.high() == Approx(0.999f));
  CHECK(histogram.quantile(0.5) == Approx(0.5).margin(0.1));
  std::uint64_t sum = 0;
  for (const std::uint64_t bin : histogram.bins()) sum += bin;
  CHECK(sum == 1001);
  tuner::Histogram other;
  other.add(1000.0f);
  histogram.merge(other);
  CHECK(histogram.count() == 1002);
  CHECK(histogram.high() == 1000.0f);
}

TEST_CASE("ranges by each method hold 0, and cut off outliers where that pays", "[quantise]") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.5f, 1.0f);
  tuner::Histogram histogram;
  for (int i = 0; i < 1000000; ++i) histogram.add(normal(random));
  histogram.add(40.0f);
  const DataType type = GENERATE(DataType::s8, DataType::u8);
  const ValueQuantisation all = tuner::calibrate(histogram, RangeMethod::min_max, type);
  CHECK(all.scale == Approx((40.0f - histogram.low()) / 255).epsilon(0.01));
  for (const RangeMethod method : {RangeMethod::percentile, RangeMethod::kl, RangeMethod::mse}) {
    CAPTURE(to_string(method));
    const ValueQuantisation form = tuner::calibrate(histogram, method, type);
    CHECK(form.scale < 0.75f * all.scale);
    CHECK(form.zero_point >= (type == DataType::s8 ? -128 : 0));
    CHECK(form.zero_point <= (type == DataType::s8 ? 127 : 255));
  }
  const ValueQuantisation best = tuner::calibrate(histogram, RangeMethod::mse, type);
  CHECK(tuner::squared_error(histogram, best) < tuner::squared_error(histogram, all));
  // Nothing seen, or nothing but zeros: any scale will do, and it is a number.
  CHECK(tuner::calibrate({}, RangeMethod::mse, type).scale == 1.0f);
  const ValueQuantisation positive = tuner::quantisation_of(3, 5, type);
  CHECK(positive.zero_point == (type == DataType::s8 ? -128 : 0));
}

TEST_CASE("weights are rounded so that their errors cancel", "[quantise]") {
  // One output channel of a matrix product whose inputs are all but the same.
  const Model model = example();
  const std::span<const LayerInfo> layers = model.layers();
  const auto found = std::ranges::find_if(layers, tuner::has_weights);
  REQUIRE(found != layers.end());
  const tuner::LayerWeights weights =
      tuner::weights_of(model, static_cast<std::size_t>(found - layers.begin()));
  const std::int64_t columns = weights.inputs * weights.taps;
  tuner::LayerMoments moments;
  for (std::int64_t group = 0; group < weights.groups; ++group) {
    tuner::InputMoments one;
    one.mean = Eigen::VectorXf::Ones(tuner::eigen_index(columns));
    one.covariance =
        Eigen::MatrixXf::Ones(tuner::eigen_index(columns), tuner::eigen_index(columns)) +
        0.01f * Eigen::MatrixXf::Identity(tuner::eigen_index(columns), tuner::eigen_index(columns));
    moments.push_back(one);
  }
  const std::vector<float> scales = tuner::weight_scales(weights, moments, 0.1f);
  REQUIRE(scales.size() == static_cast<std::size_t>(weights.outputs));
  const std::vector<std::int8_t> nearest = tuner::nearest(weights, scales);
  const std::vector<std::int8_t> best = tuner::best_rounding(weights, moments, scales);
  const auto error_of_sum = [&](const std::vector<std::int8_t>& stored) {
    double all = 0;
    for (std::int64_t output = 0; output < weights.outputs; ++output) {
      double sum = 0;
      for (std::int64_t i = 0; i < columns; ++i) {
        const std::size_t at = weights.at(output, i / weights.taps, i % weights.taps);
        const float scale = scales[static_cast<std::size_t>(output)];
        CHECK(std::abs(weights.values[at] - scale * static_cast<float>(stored[at])) < 70 * scale);
        sum += static_cast<double>(weights.values[at] - scale * static_cast<float>(stored[at]));
      }
      all += sum * sum;
    }
    return all;
  };
  CHECK(error_of_sum(best) <= error_of_sum(nearest));
  // The bias takes up what is left of the mean.
  const std::vector<float> shifts = tuner::bias_shift(weights, moments, scales, nearest);
  double sum = 0;
  for (std::int64_t i = 0; i < columns; ++i) {
    const std::size_t at = weights.at(0, i / weights.taps, i % weights.taps);
    sum += static_cast<double>(weights.values[at] - scales[0] * static_cast<float>(nearest[at]));
  }
  CHECK(static_cast<double>(shifts[0]) == Approx(sum).margin(1e-4));
}

}  // namespace fettle
