// SPDX-License-Identifier: Apache-2.0
//
// Resize in all its modes against the formulas of ONNX's document, taken literally: positions are fractions,
// and the nearest element is the one with the least distance. With f64 inputs the reference kernel runs, with
// f32 ones whatever is the default.
#include "tests/common/data.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

// What a Resize node says.
struct Case {
  std::string mode = "nearest";
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  bool exclude_outside = false;
  std::vector<float> roi = {};  // of both axes: starts, then ends
};

// One axis of the result as weights of the input's elements; empty outside of a crop.
using Weights = std::vector<double>;

struct Fraction {
  std::int64_t over;
  std::int64_t under;
  double value() const { return static_cast<double>(over) / static_cast<double>(under); }
};

// The position where extents say the scale: out / in, never rounded.
Fraction exact_position(const std::string& coordinates, std::int64_t at, std::int64_t in, std::int64_t out) {
  if (coordinates == "asymmetric") return {at * in, out};
  if (coordinates == "align_corners") return out == 1 ? Fraction{0, 1} : Fraction{at * (in - 1), out - 1};
  if (coordinates == "pytorch_half_pixel" && out == 1) return {0, 1};
  // (at + 1/2) * in / out, and half an element less.
  if (coordinates == "tf_half_pixel_for_nn") return {(2 * at + 1) * in, 2 * out};
  return {(2 * at + 1) * in - out, 2 * out};
}

// The same where the model gives the scale, a float. Interpolation takes it as the real number it is; what
// jumps from one element to the next takes the position in float, as other runtimes do.
double scaled_position(const std::string& coordinates, std::int64_t at, std::int64_t in, std::int64_t out,
                       float scale) {
  if (coordinates == "align_corners") return exact_position(coordinates, at, in, out).value();
  if (coordinates == "pytorch_half_pixel" && out == 1) return 0;
  const auto x = static_cast<double>(at);
  const auto s = static_cast<double>(scale);
  if (coordinates == "asymmetric") return x / s;
  return coordinates == "tf_half_pixel_for_nn" ? (x + 0.5) / s : (x + 0.5) / s - 0.5;
}
Fraction float_position(const std::string& coordinates, std::int64_t at, std::int64_t in, std::int64_t out,
                        float scale) {
  if (coordinates == "align_corners" || (coordinates == "pytorch_half_pixel" && out == 1))
    return exact_position(coordinates, at, in, out);
  volatile float place = static_cast<float>(at);
  if (coordinates != "asymmetric") place = place + 0.5f;
  place = place / scale;
  if (coordinates != "asymmetric" && coordinates != "tf_half_pixel_for_nn") place = place - 0.5f;
  // Extents are small: every such float is a multiple of this.
  constexpr std::int64_t kUnder = std::int64_t{1} << 40;
  return {static_cast<std::int64_t>(static_cast<double>(place) * static_cast<double>(kUnder)), kUnder};
}

Weights one_element(std::int64_t element, std::int64_t in) {
  Weights weights(static_cast<std::size_t>(in), 0);
  weights[static_cast<std::size_t>(std::min(std::max<std::int64_t>(element, 0), in - 1))] = 1;
  return weights;
}

// By looking at all candidates.
std::int64_t nearest_element(const std::string& mode, Fraction p, std::int64_t in) {
  std::int64_t best = -3;
  for (std::int64_t i = -3; i <= in + 3; ++i) {
    const std::int64_t place = i * p.under;
    if (mode == "floor") {
      if (place <= p.over) best = i;
    } else if (mode == "ceil") {
      best = i;
      if (place >= p.over) return i;
    } else {
      const std::int64_t distance = std::abs(place - p.over);
      const std::int64_t least = std::abs(best * p.under - p.over);
      if (distance < least || (distance == least && mode == "round_prefer_ceil")) best = i;
    }
  }
  return best;
}

double cubic(double t, double a = -0.75) {
  t = std::abs(t);
  if (t < 1) return (a + 2) * t * t * t - (a + 3) * t * t + 1;
  if (t < 2) return a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a;
  return 0;
}

Weights interpolated(const Case& test, double position, std::int64_t in) {
  Weights weights(static_cast<std::size_t>(in), 0);
  double sum = 0;
  for (std::int64_t i = -4; i < in + 4; ++i) {
    const double distance = position - static_cast<double>(i);
    const double weight = test.mode == "cubic" ? cubic(distance) : std::max(0.0, 1 - std::abs(distance));
    const bool outside = i < 0 || i >= in;
    if (outside && test.exclude_outside) continue;
    weights[static_cast<std::size_t>(std::min(std::max<std::int64_t>(i, 0), in - 1))] += weight;
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// `scale` 0: the extents say it. `axis`: 0 or 1, of the image.
Weights weights_of(const Case& test, std::int64_t at, std::int64_t in, std::int64_t out, float scale,
                   std::size_t axis) {
  if (test.coordinates == "tf_crop_and_resize") {
    const double begin = test.roi[axis];
    const double end = test.roi[axis + 2];
    const auto last = static_cast<double>(in - 1);
    const double place = out == 1 ? 0.5 * (begin + end) * last
                                  : begin * last + static_cast<double>(at) * (end - begin) * last /
                                                       static_cast<double>(out - 1);
    if (place < 0 || place > last) return {};
    if (test.mode != "nearest") return interpolated(test, place, in);
    constexpr std::int64_t kUnder = std::int64_t{1} << 40;
    return one_element(nearest_element(test.nearest, {std::llround(place * double(kUnder)), kUnder}, in), in);
  }
  // An axis that stays as it is has no positions between elements.
  if (scale == 0 ? in == out : scale == 1) return one_element(at, in);
  if (test.mode == "nearest") {
    const Fraction place = scale == 0 ? exact_position(test.coordinates, at, in, out)
                                      : float_position(test.coordinates, at, in, out, scale);
    return one_element(nearest_element(test.nearest, place, in), in);
  }
  return interpolated(test,
                      scale == 0 ? exact_position(test.coordinates, at, in, out).value()
                                 : scaled_position(test.coordinates, at, in, out, scale),
                      in);
}

struct Sizes {
  std::int64_t rows, columns;  // of the input
  std::int64_t out_rows, out_columns;
  float down = 0, across = 0;  // the scales; 0: the sizes are given
};

std::vector<double> expected(const Case& test, const Sizes& s, const std::vector<float>& x) {
  std::vector<double> y;
  for (std::int64_t i = 0; i < s.out_rows; ++i) {
    const Weights down = weights_of(test, i, s.rows, s.out_rows, s.down, 0);
    for (std::int64_t j = 0; j < s.out_columns; ++j) {
      const Weights across = weights_of(test, j, s.columns, s.out_columns, s.across, 1);
      double sum = down.empty() || across.empty() ? 7 : 0;  // extrapolated
      for (std::size_t r = 0; r < down.size(); ++r) {
        for (std::size_t c = 0; c < across.size(); ++c)
          sum += down[r] * across[c] * static_cast<double>(x[r * static_cast<std::size_t>(s.columns) + c]);
      }
      y.push_back(sum);
    }
  }
  return y;
}

ModelBytes model_of(const Case& test, const Sizes& s, int type) {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 1, s.rows, s.columns}, type)};
  model.outputs = {"y"};
  std::vector<Message> attributes{
      attribute("mode", test.mode), attribute("coordinate_transformation_mode", test.coordinates),
      attribute("nearest_mode", test.nearest), attribute("extrapolation_value", 7.0f)};
  if (test.exclude_outside) attributes.push_back(attribute("exclude_outside", std::int64_t{1}));
  std::vector<std::string> inputs{"x", ""};
  if (!test.roi.empty()) {
    inputs[1] = "roi";
    model.initialisers.push_back(
        floats("roi", {8}, {0, 0, test.roi[0], test.roi[1], 1, 1, test.roi[2], test.roi[3]}));
  }
  if (s.down != 0) {
    inputs.push_back("scales");
    model.initialisers.push_back(floats("scales", {4}, {1, 1, s.down, s.across}));
  } else {
    inputs.insert(inputs.end(), {"", "sizes"});
    model.initialisers.push_back(integers("sizes", {1, 1, s.out_rows, s.out_columns}));
  }
  model.nodes = {node("Resize", inputs, {"y"}, attributes)};
  return model;
}

template <typename T>
void check(const Case& test, const Sizes& s, int type) {
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(model_of(test, s, type))))));
  REQUIRE(runtime.output(0).shape() == Shape{1, 1, s.out_rows, s.out_columns});
  const std::vector<float> x = numbers(s.rows * s.columns, static_cast<std::uint32_t>(s.columns));
  const std::vector<T> given(x.begin(), x.end());
  succeeds(runtime.input(0).copy_from(std::as_bytes(std::span(given))));
  succeeds(runtime.run());
  const auto got = runtime.output(0).values<T>();
  const std::vector<double> wanted = expected(test, s, x);
  INFO(test.mode << " " << test.coordinates << " " << test.nearest << " exclude " << test.exclude_outside
                 << ": " << s.rows << " x " << s.columns << " to " << s.out_rows << " x " << s.out_columns
                 << ", scales " << s.down << " " << s.across << ", " << runtime.program().steps()[0].kernel);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    wrong += std::abs(static_cast<double>(got[i]) - wanted[i]) > (test.mode == "nearest" ? 1e-7 : 2e-5);
  CHECK(wrong == 0);
}

void check_both(const Case& test, const Sizes& sizes) {
  check<float>(test, sizes, kFloat);
  check<double>(test, sizes, kDouble);
}

const std::vector<std::string> kCoordinates{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                            "tf_half_pixel_for_nn"};
const std::vector<std::string> kNearest{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};

}  // namespace

TEST_CASE("nearest elements are those of the document, for sizes", "[runtime][resize]") {
  const std::int64_t most = quick() ? 5 : 9;
  for (const std::string& coordinates : kCoordinates) {
    for (const std::string& nearest : kNearest) {
      for (std::int64_t in = 1; in <= most; ++in) {
        for (std::int64_t out = in; out <= most; ++out)
          check_both({"nearest", coordinates, nearest}, {in, out, out, in});
      }
    }
  }
}

TEST_CASE("nearest elements are those of the document, for scales", "[runtime][resize]") {
  for (const std::string& coordinates : kCoordinates) {
    for (const std::string& nearest : kNearest) {
      for (const float scale : {0.3f, 0.6f, 0.7f, 1.0f / 3, 0.5f, 1.3333334f, 1.5f, 2.0f, 2.2f, 3.0f}) {
        for (std::int64_t in : {3, 4, 6, 10}) {
          const auto out = static_cast<std::int64_t>(std::floor(static_cast<float>(in) * scale));
          if (out > 0) check_both({"nearest", coordinates, nearest}, {in, 2, out, 4, scale, 2.0f});
        }
      }
    }
  }
}

TEST_CASE("interpolation takes the same positions", "[runtime][resize]") {
  for (const char* mode : {"linear", "cubic"}) {
    for (const std::string& coordinates : kCoordinates) {
      for (const bool exclude : {false, true}) {
        const Case test{mode, coordinates, "floor", exclude};
        for (const auto& [in, out] :
             {std::pair<std::int64_t, std::int64_t>{6, 8}, {8, 6}, {3, 7}, {7, 1}, {1, 4}})
          check_both(test, {in, out, out, in});
        for (const float scale : {0.6f, 0.7f, 1.3333334f, 2.2f}) {
          const auto out = static_cast<std::int64_t>(std::floor(10 * scale));
          check_both(test, {10, 4, out, 8, scale, 2.0f});
        }
      }
    }
  }
}

TEST_CASE("crops are taken from the region of interest, and extrapolated beyond it", "[runtime][resize]") {
  const std::vector<std::vector<float>> regions{
      {0, 0, 1, 1}, {0.25f, 0.5f, 0.75f, 1}, {0.4f, 0.6f, 0.6f, 0.8f}, {-0.5f, 0, 1.5f, 0.9f}, {1, 1, 0, 0}};
  for (const std::vector<float>& roi : regions) {
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      for (const std::string& nearest : kNearest) {
        const Case test{mode, "tf_crop_and_resize", nearest, false, roi};
        for (const std::int64_t out : {1, 3, 5, 8}) check_both(test, {6, 9, out, out + 1});
        // Regions make no difference to extents from scales.
        check_both(test, {6, 9, 4, 12, 0.7f, 1.4f});
        if (std::string_view(mode) != "nearest") break;
      }
    }
  }
}

TEST_CASE("a region of interest may be computed", "[runtime][resize]") {
  const Case test{"nearest", "tf_crop_and_resize", "floor", false, {0.25f, 0.5f, 0.75f, 1}};
  const Sizes sizes{6, 9, 3, 4};
  ModelBytes model = model_of(test, sizes, kFloat);
  model.initialisers = {integers("sizes", {1, 1, 3, 4})};
  model.inputs.push_back(value_info("roi", {8}));
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(model)))));
  const std::vector<float> x = numbers(54);
  succeeds(runtime.input(0).copy_from(x));
  succeeds(runtime.input(1).copy_from(std::vector<float>{0, 0, 0.25f, 0.5f, 1, 1, 0.75f, 1}));
  succeeds(runtime.run());
  const std::vector<double> wanted = expected(test, sizes, x);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(static_cast<double>(runtime.output(0).values<float>()[i]) == wanted[i]);
}

TEST_CASE("extents from scales are rounded down in float", "[runtime][resize]") {
  const auto extent = [](std::int64_t in, float scale) {
    return parse(model_of({}, {1, in, 1, 0, 1, scale}, kFloat)).outputs()[0].shape[3];
  };
  CHECK(extent(10, 0.7f) == 7);
  CHECK(extent(20, 0.35f) == 7);
  CHECK(extent(3, 1.3333334f) == 4);
  CHECK(extent(3, 1.333333f) == 3);
  CHECK(extent(5, 1.5f) == 7);
}

TEST_CASE("before opset 11 Resize takes the next element where it shrinks, and Upsample never shrinks",
          "[runtime][resize]") {
  ModelBytes model;
  model.opset = 10;
  model.inputs = {value_info("x", {1, 1, 2, 4})};
  model.outputs = {"y"};
  model.initialisers = {floats("s", {4}, {1, 1, 0.6f, 0.6f})};
  model.nodes = {node("Resize", {"x", "s"}, {"y"}, {attribute("mode", "nearest")})};
  const std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8};
  const auto outputs = [&] {
    Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(model)))));
    succeeds(runtime.input(0).copy_from(x));
    succeeds(runtime.run());
    const auto values = runtime.output(0).values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  CHECK(outputs() == std::vector<float>{1, 3});
  // One axis shrinks, the other grows: positions 0, 1 2/3 and 0, 2/3, 1 1/3, ...
  model.initialisers = {floats("s", {4}, {1, 1, 1.5f, 0.6f})};
  CHECK(outputs() == std::vector<float>{1, 3, 1, 3, 5, 7});
  model.opset = 9;
  model.nodes = {node("Upsample", {"x", "s"}, {"y"}, {attribute("mode", "nearest")})};
  model.initialisers = {floats("s", {4}, {1, 1, 1.5f, 1.5f})};
  CHECK(outputs() == std::vector<float>{1, 1, 2, 3, 3, 4, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8});
}

TEST_CASE("nearest elements of any type are copied as they are", "[runtime][resize]") {
  ModelBytes model = model_of({}, {1, 3, 1, 6}, kInt64);
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(model)))));
  // Beyond 2^53 a double would round them.
  const std::vector<std::int64_t> x{9007199254740993, -9007199254740995, 9223372036854775807};
  succeeds(runtime.input(0).copy_from(std::as_bytes(std::span(x))));
  succeeds(runtime.run());
  const auto got = runtime.output(0).values<std::int64_t>();
  CHECK(std::vector<std::int64_t>(got.begin(), got.end()) ==
        std::vector<std::int64_t>{x[0], x[0], x[1], x[1], x[2], x[2]});
}

}  // namespace fettle::test
