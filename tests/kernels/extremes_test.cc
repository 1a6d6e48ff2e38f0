// SPDX-License-Identifier: Apache-2.0
//
// Data that nothing promises to be sensible: NaN where there is an order, regions far larger than pictures,
// frequencies that have no place on the mel scale.
#include "kernels/reference/evaluate.h"
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace fettle::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

// The results of a layer whose first operands hold these numbers; memory begins as what no result is.
std::vector<std::vector<std::byte>> results_of(TestLayer layer,
                                               const std::vector<std::vector<float>>& operands) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    REQUIRE(layer.inputs[i].size() == operands[i].size() * sizeof(float));
    layer.inputs[i] = bytes_of(operands[i]);
  }
  std::vector<std::vector<std::byte>> outputs;
  for (const TensorDesc& output : layer.desc.outputs)
    outputs.emplace_back(dense_bytes(output.shape, output.format), std::byte{0x7f});
  const std::vector<ConstantBytes> inputs(layer.inputs.begin(), layer.inputs.end());
  const std::vector<std::span<std::byte>> targets(outputs.begin(), outputs.end());
  REQUIRE(kernels::evaluate_reference(layer.desc, inputs, targets));
  return outputs;
}

template <typename T>
std::vector<T> values(const std::vector<std::byte>& bytes) {
  std::vector<T> result(bytes.size() / sizeof(T));
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

using Integers = std::vector<std::int64_t>;

// The results of an operator of one operand.
std::vector<std::vector<std::byte>> results_of(Op op, Attributes a, const std::vector<float>& x,
                                               std::size_t outputs = 1) {
  const auto layer =
      make_layer(op, std::move(a), {input({1, 1, static_cast<std::int64_t>(x.size())})}, {}, outputs);
  REQUIRE(layer);
  return results_of(*layer, {x});
}

}  // namespace

TEST_CASE("reductions of NaN are NaN", "[kernels]") {
  for (const Op op :
       {Op::reduce_max, Op::reduce_min, Op::reduce_sum, Op::reduce_prod, Op::reduce_log_sum_exp}) {
    INFO(to_string(op));
    for (const std::vector<float>& x :
         {std::vector<float>{kNan, kNan}, {1, kNan}, {kNan, -kInfinity}, {kInfinity, kNan}}) {
      Attributes a;
      a.set("axes", Integers{2});
      a.set("keepdims", std::int64_t{1});
      CHECK(std::isnan(values<float>(results_of(op, a, x)[0])[0]));
    }
  }
  Attributes a;
  a.set("axes", Integers{2});
  a.set("keepdims", std::int64_t{1});
  CHECK(values<float>(results_of(Op::reduce_log_sum_exp, a, {-kInfinity, -kInfinity})[0])[0] == -kInfinity);
}

TEST_CASE("the place of the largest or smallest is the first NaN's", "[kernels]") {
  for (const Op op : {Op::arg_max, Op::arg_min}) {
    for (const std::int64_t last : {0, 1}) {
      INFO(to_string(op) << ", last " << last);
      Attributes a;
      a.set("axis", std::int64_t{2});
      a.set("keepdims", std::int64_t{1});
      a.set("select_last_index", last);
      CHECK(values<std::int64_t>(results_of(op, a, {1, kNan, 5, kNan, -5})[0])[0] == (last == 1 ? 3 : 1));
      const std::int64_t first = op == Op::arg_max ? 1 : 0;
      CHECK(values<std::int64_t>(results_of(op, a, {-kInfinity, 2, 2, -kInfinity})[0])[0] ==
            (last == 0           ? first
             : op == Op::arg_max ? 2
                                 : 3));
    }
  }
  Attributes a;
  a.set("axis", std::int64_t{2});
  CHECK(values<float>(results_of(Op::hardmax, a, {3, kNan, 5})[0]) == std::vector<float>{0, 1, 0});
}

TEST_CASE("MaxPool says where the first NaN is, and the first of many infinities", "[kernels]") {
  Attributes a;
  a.set("kernel_shape", Integers{3});
  a.set("strides", Integers{1});
  const auto results = results_of(Op::max_pool, a, {4, kNan, 5, kNan, -kInfinity, -kInfinity, -kInfinity}, 2);
  const std::vector<float> largest = values<float>(results[0]);
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::isnan(largest[i]));
  CHECK(largest[4] == -kInfinity);
  CHECK(values<std::int64_t>(results[1]) == Integers{1, 1, 3, 3, 4});
}

TEST_CASE("Celu of NaN is NaN", "[kernels]") {
  Attributes a;
  a.set("alpha", 1.0f);
  const std::vector<float> y = values<float>(results_of(Op::celu, a, {kNan, kInfinity, -kInfinity})[0]);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == kInfinity);
  CHECK(y[2] == -1);
}

TEST_CASE("TopK puts NaN behind all numbers", "[kernels]") {
  for (const std::int64_t largest : {0, 1}) {
    Attributes a;
    a.set("largest", largest);
    const auto layer = make_layer(Op::top_k, std::move(a), {input({4}), parameter({4})}, {}, 2);
    REQUIRE(layer);
    const auto results = results_of(*layer, {{kNan, 1, kNan, 2}});
    CHECK(values<std::int64_t>(results[1]) == (largest == 1 ? Integers{3, 1, 0, 2} : Integers{1, 3, 0, 2}));
    CHECK(std::isnan(values<float>(results[0])[2]));
  }
}

TEST_CASE("Unique takes all NaN for one", "[kernels]") {
  for (const std::int64_t sorted : {0, 1}) {
    Attributes a;
    a.set("sorted", sorted);
    const auto layer = make_layer(Op::unique, std::move(a), {input({5})}, {}, 6);
    REQUIRE(layer);
    const auto results = results_of(*layer, {{3, kNan, 1, kNan, 3}});
    const bool ordered = sorted == 1;
    CHECK(values<std::int64_t>(results[1]) == (ordered ? Integers{2, 0, 1, 0, 0} : Integers{0, 1, 2, 0, 0}));
    CHECK(values<std::int64_t>(results[2]) == (ordered ? Integers{1, 2, 0, 2, 1} : Integers{0, 1, 2, 1, 0}));
    CHECK(values<std::int64_t>(results[3]) == (ordered ? Integers{1, 2, 2, 0, 0} : Integers{2, 2, 1, 0, 0}));
    CHECK(values<std::int64_t>(results[5]) == Integers{3});
  }
}

TEST_CASE("Unique of many numbers takes no long", "[kernels]") {
  const auto layer = make_layer(Op::unique, {}, {input({100000})}, {}, 6);
  REQUIRE(layer);
  std::vector<float> numbers(100000);
  std::iota(numbers.rbegin(), numbers.rend(), 0.0f);
  const auto results = results_of(*layer, {numbers});
  CHECK(values<std::int64_t>(results[5]) == Integers{100000});
  CHECK(values<float>(results[0])[7] == 7);
}

TEST_CASE("boxes without a score are not chosen", "[kernels]") {
  const auto layer = make_layer(
      Op::non_max_suppression, {},
      {input({1, 2, 4}), input({1, 1, 2}), parameter({2}), left_out(), typed({}, DataType::f32, 0, 1)}, {},
      2);
  REQUIRE(layer);
  const auto results = results_of(*layer, {{0, 0, 1, 1, 5, 5, 6, 6}, {kNan, 0.5f}, {0.25f}});
  CHECK(values<std::int64_t>(results[1]) == Integers{1, 3});
  CHECK(values<std::int64_t>(results[0]) == Integers{0, 0, 1, 0, 0, 0});
}

TEST_CASE("regions may be far larger than their pictures", "[kernels]") {
  for (const char* mode : {"avg", "max"}) {
    Attributes a;
    a.set("mode", std::string(mode));
    a.set("spatial_scale", 1.0f);
    const auto layer = make_layer(Op::roi_align, std::move(a),
                                  {input({1, 1, 2, 2}), input({3, 4}), typed({3}, DataType::s64, 0, 0)});
    REQUIRE(layer);
    const float far = 1e30f;
    const auto results =
        results_of(*layer, {{1, 1, 1, 1}, {0, 0, far, far, -1e6f, -1e6f, 1e6f, 1e6f, kNan, 0, 1, 1}});
    for (const float value : values<float>(results[0])) CHECK((value >= 0 && value <= 1));
  }
}

TEST_CASE("a region that surrounds its picture has the mean of all its points", "[kernels]") {
  Attributes a;
  a.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  const auto layer = make_layer(Op::roi_align, std::move(a),
                                {input({1, 1, 4, 4}), input({1, 4}), typed({1}, DataType::s64, 0, 0)});
  REQUIRE(layer);
  // 100 x 100 points, a half of a pixel from the grid; those from -0.5 to 3.5 see the picture.
  const auto results = results_of(*layer, {std::vector<float>(16, 1), {-50, -50, 50, 50}});
  CHECK(std::abs(values<float>(results[0])[0] - 25.0f / 10000) < 1e-7f);
}

TEST_CASE("frequencies below the mel scale give an empty band", "[kernels]") {
  const auto layer = make_layer(Op::mel_weight_matrix, {},
                                {parameter({2}), parameter({16}), parameter({8000}), input({}), input({})});
  REQUIRE(layer);
  const auto results = results_of(*layer, {{-5000}, {4000}});
  for (const float value : values<float>(results[0])) CHECK(std::isfinite(value));
}

}  // namespace fettle::test
