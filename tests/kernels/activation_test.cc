// SPDX-License-Identifier: Apache-2.0
//
// Hand-written functions of one operand: how exact they are, and what they make of numbers at the ends of the
// range.
#include "kernels/common/elementwise_unary.h"
#include "tests/kernels/layers.h"
#include "tests/kernels/variant.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::test {
namespace {

// A layer of these numbers.
TestLayer layer_of(Op op, const std::vector<float>& numbers) {
  Attributes a;
  if (op == Op::clamp) {
    a.set("min", -0.5f);
    a.set("max", 0.75f);
  }
  TestLayer layer =
      make_layer(op, std::move(a), {input({static_cast<std::int64_t>(numbers.size())})}).value();
  std::memcpy(layer.inputs[0].data(), numbers.data(), layer.inputs[0].size());
  return layer;
}

// Calls body(row) for the operator's rows that this CPU has the instructions for.
template <typename Body>
void for_each_row_of(Op op, Body&& body) {
  for (const std::string isa : {"avx512", "avx2", "neon"}) {
    const Kernel* row = find_builtin_kernel(std::string(to_string(op)) + ".direct.f32." + isa);
    if (row != nullptr && has_all(this_cpu().isa, row->isa)) body(*row);
  }
}

// Calls body(row, operator) for all functions of one operand.
template <typename Body>
void for_each_row(Body&& body) {
  for (const Op op : kernels::kUnaryOps) for_each_row_of(op, [&](const Kernel& row) { body(row, op); });
}

std::span<const float> floats(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

// Whether the result is small where the sum of larger numbers is: its error is theirs.
bool cancels(Op op) { return op == Op::gelu || op == Op::hard_swish || op == Op::hard_sigmoid; }

}  // namespace

TEST_CASE("activations are exact to a few units in the last place", "[kernels]") {
  std::vector<float> numbers;
  for (int i = -40000; i <= 40000; ++i) numbers.push_back(static_cast<float>(i) / 2000);
  for (int i = 0; i < 400; ++i) {
    numbers.push_back(std::exp(-0.1f * static_cast<float>(i)));
    numbers.push_back(-numbers.back());
  }
  for_each_row([&](const Kernel& row, Op op) {
    const TestLayer layer = layer_of(op, numbers);
    const Expected expected = reference_outputs(layer);
    const Results results = check_variant(row, layer.desc, layer, expected, {});
    const std::span<const float> found = floats(results[0]);
    const std::span<const float> right = floats(expected.outputs[0]);
    float worst = 0;
    float where = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (!std::isfinite(right[i])) continue;
      const float size = cancels(op) ? std::max(std::abs(right[i]), std::min(std::abs(numbers[i]), 1.0f))
                                     : std::abs(right[i]);
      const float error = std::abs(found[i] - right[i]) / std::max(size, std::numeric_limits<float>::min());
      if (error > worst) worst = error, where = numbers[i];
    }
    INFO(row.name << ": " << worst << " at " << where);
    CHECK(worst <= 4 * std::numeric_limits<float>::epsilon());
  });
}

TEST_CASE("activations of huge numbers, infinities and NaN are what the reference says", "[kernels]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> numbers{std::numeric_limits<float>::quiet_NaN(),
                                   kInfinity,
                                   -kInfinity,
                                   0.0f,
                                   -0.0f,
                                   88.7f,
                                   -86.5f,
                                   1000,
                                   -1000,
                                   1e38f,
                                   -1e38f};
  for_each_row([&](const Kernel& row, Op op) {
    // One by one: tolerances are relative to the largest number.
    for (const float number : numbers) {
      const TestLayer layer = layer_of(op, {number});
      INFO(number);
      check_variant(row, layer.desc, layer, reference_outputs(layer), {});
    }
  });
}

TEST_CASE("softmax gives nothing to what is masked", "[kernels]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::size_t length : {1, 3, 16, 37, 150}) {
    std::vector<float> numbers(length, -kInfinity);
    numbers.back() = -1000;
    numbers[length / 2] = -999;
    const TestLayer layer = layer_of(Op::softmax, numbers);
    for_each_row_of(Op::softmax, [&](const Kernel& row) {
      const Results results = check_variant(row, layer.desc, layer, reference_outputs(layer), {});
      for (std::size_t i = 0; i < length; ++i)
        CHECK((floats(results[0])[i] == 0) == (numbers[i] == -kInfinity));
    });
  }
}

TEST_CASE("softmax of many short rows", "[kernels]") {
  for (const std::int64_t length : {1, 2, 3, 7, 15}) {
    Attributes a;
    a.set("axis", std::int64_t{1});
    const TestLayer layer = make_layer(Op::softmax, a, {input({1111, length})}).value();
    for_each_row_of(Op::softmax, [&](const Kernel& row) {
      INFO(length);
      check_variant(row, layer.desc, layer, reference_outputs(layer), {});
    });
  }
}

}  // namespace fettle::test
