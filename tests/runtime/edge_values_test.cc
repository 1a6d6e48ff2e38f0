// SPDX-License-Identifier: Apache-2.0
//
// Results where operators have an edge: odd paddings, sequences that doubles cannot count, sums of nothing,
// reciprocals out of range.
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

ModelBytes model_of(Message entry, std::vector<Message> inputs, std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.nodes = {std::move(entry)};
  model.inputs = std::move(inputs);
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

// The output for these inputs, in their type.
template <typename T>
std::vector<T> run(const ModelBytes& bytes, const std::vector<std::vector<T>>& inputs) {
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(bytes)))));
  REQUIRE(runtime.input_count() == inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    succeeds(runtime.input(i).copy_from(std::as_bytes(std::span(inputs[i]))));
  succeeds(runtime.run());
  const auto values = runtime.output(0).values<T>();
  return {values.begin(), values.end()};
}

// Range(start, limit, delta), to which an input of 0 is added so that there is something to run.
template <typename T>
std::vector<T> range(int type, T start, T limit, T delta) {
  ModelBytes model = model_of(node("Range", {"a", "b", "c"}, {"r"}), {value_info("x", {}, type)},
                              {tensor<T>("a", type, {}, {start}), tensor<T>("b", type, {}, {limit}),
                               tensor<T>("c", type, {}, {delta})});
  model.nodes.push_back(node("Add", {"r", "x"}, {"y"}));
  return run<T>(model, {{T{}}});
}

// The whole transposed convolution of one axis, of which padding takes off both ends.
std::vector<float> transposed(const std::vector<float>& x, const std::vector<float>& w, std::size_t stride) {
  std::vector<float> full((x.size() - 1) * stride + w.size(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < w.size(); ++k) full[i * stride + k] += x[i] * w[k];
  }
  return full;
}

}  // namespace

TEST_CASE("padding with a computed value reaches the convolution behind it", "[runtime][edges]") {
  ModelBytes model = model_of(
      node("Pad", {"x", "p", "v"}, {"q"}), {value_info("x", {1, 1, 1, 1}), value_info("v", {})},
      {integers("p", {0, 0, 1, 1, 0, 0, 1, 1}), floats("w", {1, 1, 3, 3}, std::vector<float>(9, 1))});
  model.nodes.push_back(node("Conv", {"q", "w"}, {"y"}));
  CHECK(run<float>(model, {{1}, {2}}) == std::vector<float>{17});
  CHECK(run<float>(model, {{1}, {0}}) == std::vector<float>{1});
}

TEST_CASE("of an odd padding for output_shape, the larger half is at the start, but for SAME_UPPER",
          "[runtime][edges]") {
  const std::vector<float> x{1, 10, 100};
  const std::vector<float> w{1, 2, 3, 4};
  for (const std::size_t stride : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    const std::vector<float> full = transposed(x, w, stride);
    for (std::size_t wanted = 1; wanted <= full.size(); ++wanted) {
      for (const std::int64_t opset : {1, 11, 17}) {
        for (const char* auto_pad : {"", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}) {
          std::vector<Message> attributes{attribute("strides", Dims{static_cast<std::int64_t>(stride)}),
                                          attribute("output_shape", Dims{static_cast<std::int64_t>(wanted)})};
          if (*auto_pad != 0) attributes.push_back(attribute("auto_pad", auto_pad));
          ModelBytes model = model_of(node("ConvTranspose", {"x", "w"}, {"y"}, attributes),
                                      {value_info("x", {1, 1, 3})}, {floats("w", {1, 1, 4}, w)});
          model.opset = opset;
          const std::size_t total = full.size() - wanted;
          const std::size_t start = std::string(auto_pad) == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
          INFO(auto_pad << " opset " << opset << " stride " << stride << " to " << wanted);
          const auto from = full.begin() + static_cast<std::ptrdiff_t>(start);
          CHECK(run<float>(model, {x}) ==
                std::vector<float>(from, from + static_cast<std::ptrdiff_t>(wanted)));
        }
      }
    }
  }
}

TEST_CASE("an automatic padding of transposed convolutions multiplies the extent by the stride",
          "[runtime][edges]") {
  const std::vector<float> x{1, 10, 100};
  const std::vector<float> w{1, 2, 3, 4, 5};
  for (const char* auto_pad : {"SAME_UPPER", "SAME_LOWER"}) {
    const ModelBytes model = model_of(node("ConvTranspose", {"x", "w"}, {"y"},
                                           {attribute("strides", Dims{2}), attribute("auto_pad", auto_pad)}),
                                      {value_info("x", {1, 1, 3})}, {floats("w", {1, 1, 5}, w)});
    const std::vector<float> full = transposed(x, w, 2);  // 9, of which 3 are taken off
    const auto from = full.begin() + (std::string(auto_pad) == "SAME_UPPER" ? 1 : 2);
    CHECK(run<float>(model, {x}) == std::vector<float>(from, from + 6));
  }
}

TEST_CASE("ranges of integers are counted exactly, in every type", "[runtime][edges]") {
  constexpr std::int64_t kBig = std::int64_t{1} << 53;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  using Longs = std::vector<std::int64_t>;
  CHECK(range<std::int64_t>(kInt64, kBig, kBig + 3, 1) == Longs{kBig, kBig + 1, kBig + 2});
  CHECK(range<std::int64_t>(kInt64, kBig + 1, kBig + 2, 1) == Longs{kBig + 1});
  CHECK(range<std::int64_t>(kInt64, kMost - 1, kMost, 1) == Longs{kMost - 1});
  CHECK(range<std::int64_t>(kInt64, kLeast, kMost, kMost) == Longs{kLeast, -1, kMost - 1});
  CHECK(range<std::int64_t>(kInt64, kMost, kLeast, kLeast) == Longs{kMost, -1});
  CHECK(range<std::int64_t>(kInt64, 10, 3, -3) == Longs{10, 7, 4});
  CHECK(range<std::int32_t>(kInt32, 2147483645, 2147483647, 1) ==
        std::vector<std::int32_t>{2147483645, 2147483646});
  CHECK(range<std::int16_t>(kInt16, -3, 4, 3) == std::vector<std::int16_t>{-3, 0, 3});
  // One element that the other way round would not be there.
  CHECK(range<std::int64_t>(kInt64, kBig, kBig - 1, -1) == Longs{kBig});
}

TEST_CASE("ranges of real numbers are counted in their own type", "[runtime][edges]") {
  CHECK(range<double>(kDouble, 1, 2, 0.25) == std::vector<double>{1, 1.25, 1.5, 1.75});
  // 0.1 in double is above a tenth, in float too: the tenth step reaches 1 in neither.
  CHECK(range<double>(kDouble, 0, 1, 0.1).size() == 10);
  CHECK(range<float>(kFloat, 0, 1, 0.1f).size() == 10);
  // 16777216 + 1 is no float, so that the difference of the bounds is 2 or 0.
  CHECK(range<float>(kFloat, 16777216.0f, 16777218.0f, 1) == std::vector<float>{16777216.0f, 16777216.0f});
  CHECK(range<double>(kDouble, 16777216.0, 16777218.0, 1) == std::vector<double>{16777216.0, 16777217.0});
  // 10.1f - 0.1f is 10 in float, and a little more in double.
  CHECK(range<float>(kFloat, 0.1f, 10.1f, 1).size() == 10);
  CHECK(range<float>(kFloat, 1, 0, -0.5f) == std::vector<float>{1, 0.5f});
}

TEST_CASE("ranges that have no end are refused", "[runtime][edges][bad]") {
  const auto refused = [](float start, float limit, float delta) {
    const ModelBytes model =
        model_of(node("Range", {"a", "b", "c"}, {"y"}), {value_info("x", {})},
                 {floats("a", {}, {start}), floats("b", {}, {limit}), floats("c", {}, {delta})});
    error_of(Model::parse(as_bytes(model.bytes()), "test"), ErrorCode::kModelUnsupported, "y (Range)");
  };
  refused(0, 1, 0);
  refused(0, std::numeric_limits<float>::infinity(), 1);
  refused(0, 3e38f, 1e-30f);
}

TEST_CASE("normalising zeros gives zeros", "[runtime][edges]") {
  for (const std::int64_t p : {1, 2}) {
    const auto normalised = [&](const Message& x) {
      return model_of(
          node("LpNormalization", {"x"}, {"y"}, {attribute("p", p), attribute("axis", std::int64_t{1})}),
          {x});
    };
    const std::vector<float> got = run<float>(normalised(value_info("x", {3, 2})), {{0, 0, 3, -4, 0, -2}});
    const float length = p == 1 ? 7.0f : 5.0f;
    CHECK(got == std::vector<float>{0, 0, 3 / length, -4 / length, 0, -1});
    CHECK(run<double>(normalised(value_info("x", {2, 2}, kDouble)), {{0, -0.0, 0, 5}}) ==
          std::vector<double>{0, 0, 0, 1});
    const std::vector<float> nan = run<float>(normalised(value_info("x", {1, 2})), {{std::nanf(""), 1}});
    CHECK((std::isnan(nan[0]) && std::isnan(nan[1])));
  }
}

TEST_CASE("a mean has all the digits of its type", "[runtime][edges]") {
  const ModelBytes model =
      model_of(node("Mean", {"a", "b", "c"}, {"y"}),
               {value_info("a", {2}, kDouble), value_info("b", {2}, kDouble), value_info("c", {2}, kDouble)});
  CHECK(run<double>(model, {{1, 1}, {1, 2}, {2, 3}}) == std::vector<double>{4.0 / 3, 2});
}

TEST_CASE("powers of integers wrap around as products do", "[runtime][edges]") {
  const ModelBytes model =
      model_of(node("Pow", {"a", "b"}, {"y"}), {value_info("a", {7}, kInt64), value_info("b", {7}, kInt64)});
  using Longs = std::vector<std::int64_t>;
  // 3^65 modulo 2^64, by Python.
  CHECK(run<std::int64_t>(model, {{2, 2, -1, 3, 2, -2, 7}, {62, 70, 65, 65, -1, 63, 0}}) ==
        Longs{std::int64_t{1} << 62, 0, -1, 7752514261426648835, 0, std::numeric_limits<std::int64_t>::min(),
              1});
}

TEST_CASE("the nearest pixel of a grid in float is found in float", "[runtime][edges]") {
  ModelBytes model = model_of(node("GridSample", {"x", "g"}, {"y"}, {attribute("mode", "nearest")}),
                              {value_info("x", {1, 1, 1, 5}), value_info("g", {1, 1, 3, 2})});
  model.opset = 16;
  // (0.2f + 1) * 5 is 6 in float, so that the place is 2.5, and the even neighbour 2. In double it is more.
  CHECK(run<float>(model, {{0, 1, 2, 3, 4}, {0.2f, 0, 0.3f, 0, -0.2f, 0}}) == std::vector<float>{2, 3, 2});
}

TEST_CASE("a region that is a whole number of pixels in float has a point for each", "[runtime][edges]") {
  ModelBytes model =
      model_of(node("RoiAlign", {"x", "r", "b"}, {"y"}, {attribute("output_width", std::int64_t{2})}),
               {value_info("x", {1, 1, 1, 8}), value_info("r", {1, 4})},
               {tensor<std::int64_t>("b", kInt64, {1}, {0})});
  // 6.3f - 0.3f is 6 in float and more in double: points at 0.8, 1.8, 2.8 and 3.8, 4.8, 5.8 of squares.
  const std::vector<float> got = run<float>(model, {{0, 1, 4, 9, 16, 25, 36, 49}, {0.3f, 0, 6.3f, 1}});
  REQUIRE(got.size() == 2);
  CHECK(std::abs(got[0] - (0.8f + 3.4f + 8.0f) / 3) < 1e-5f);
  CHECK(std::abs(got[1] - (14.6f + 23.2f + 33.8f) / 3) < 1e-4f);
}

TEST_CASE("what folding would make infinite is divided as it stands", "[runtime][edges]") {
  ModelBytes model = model_of(node("Conv", {"x", "w"}, {"c"}), {value_info("x", {1, 1, 1, 1})},
                              {floats("w", {1, 1, 1, 1}, {1}), floats("k", {}, {1e-40f})});
  model.nodes.push_back(node("Div", {"c", "k"}, {"y"}));
  CHECK(run<float>(model, {{1e-30f}}) == std::vector<float>{1e-30f / 1e-40f});
}

}  // namespace fettle::test
