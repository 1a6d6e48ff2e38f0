// SPDX-License-Identifier: Apache-2.0
//
// Orders with NaN, infinities, zeros of both signs and equal elements: every row of TopK and
// NonMaxSuppression has the reference's.
#include "lib/compile/kernel_table.h"
#include "tests/kernels/entries.h"
#include "tests/kernels/variant.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <vector>

namespace fettle::test {
namespace {

void fill(std::vector<std::byte>& bytes, const std::vector<float>& values) {
  REQUIRE(bytes.size() == values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
}

// Runs every row that takes the layer, beside the reference; how many there were.
int check_rows(const TestLayer& layer) {
  const runtime::KernelTable table({}, tested_cpu());
  const Expected expected = reference_outputs(layer);
  int rows = 0;
  for (const Kernel* kernel : tested_entries()) {
    if (kernel->pattern.size() != 1 || kernel->pattern[0] != layer.desc.main().op) continue;
    for (const Signature& signature : kernel->signatures) {
      const LayerDesc desc = with_signature(layer.desc, signature, this_cpu().isa);
      if (table.check(*kernel, desc) != Refusal::none) continue;
      check_variant(*kernel, desc, layer, expected, {Against::end, 1});
      ++rows;
    }
  }
  return rows;
}

// Elements without an order, at the ends of it, and equal ones.
std::vector<float> special(std::int64_t count, Random& random) {
  constexpr float kValues[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, -1.0f, 1e-42f};
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(kValues[random() % std::size(kValues)]);
  return values;
}

}  // namespace

TEST_CASE("every row of TopK has the same order of NaN, zeros and equal elements", "[kernels]") {
  Random random(3);
  for (const std::int64_t kept : {1, 7, 150, 300}) {
    for (const std::int64_t largest : {0, 1}) {
      Attributes a;
      a.set("axis", std::int64_t{1});
      a.set("largest", largest);
      auto layer = make_layer(Op::top_k, std::move(a), {input({2, 300}), parameter({kept})}, {}, 2);
      REQUIRE(layer);
      fill(layer->inputs[0], special(600, random));
      CHECK(check_rows(*layer) >= 2);
    }
  }
}

TEST_CASE("TopK finds its elements whichever way they lie", "[kernels]") {
  for (const bool rising : {false, true}) {
    Attributes a;
    a.set("axis", std::int64_t{1});
    auto layer = make_layer(Op::top_k, std::move(a), {input({1, 1000}), parameter({30})}, {}, 2);
    REQUIRE(layer);
    std::vector<float> values;
    for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>(rising ? i : -i));
    fill(layer->inputs[0], values);
    CHECK(check_rows(*layer) >= 2);
  }
}

TEST_CASE("every row of NonMaxSuppression keeps the same boxes of special scores", "[kernels]") {
  Random random(4);
  for (const bool limited : {false, true}) {
    Operand least = typed({}, DataType::f32, 0, 0);
    if (!limited) least = left_out();
    auto layer = make_layer(Op::non_max_suppression, {},
                            {input({1, 40, 4}, -3, 3), input({1, 2, 40}), parameter({9}),
                             typed({}, DataType::f32, 0.2, 0.2), least},
                            {}, 2);
    REQUIRE(layer);
    fill(layer->inputs[1], special(80, random));
    CHECK(check_rows(*layer) >= 2);
  }
}

TEST_CASE("every row of NonMaxSuppression keeps the same boxes, whatever the boxes and limits are",
          "[kernels]") {
  // More than a block of those that vectors take at once, boxes far too large and far too small for float,
  // and such as have no extent, or no number in them.
  constexpr float kSizes[] = {1.0f, 1e-3f, 1e-25f, 1e-40f, 0.0f, 1e15f, 1e25f, 3e38f, INFINITY, NAN};
  Random random(5);
  for (const float most_overlap : {0.0f, 0.3f, 0.5f, 1.0f, 2.0f, -0.1f, NAN, INFINITY}) {
    for (const std::int64_t center : {0, 1}) {
      auto layer = make_layer(
          Op::non_max_suppression, with("center_point_box", center),
          {input({2, 90, 4}), input({2, 2, 90}), parameter({70}), typed({}, DataType::f32, 0.2, 0.2)}, {}, 2);
      REQUIRE(layer);
      std::vector<float> boxes;
      for (int i = 0; i < 180; ++i) {
        // Mostly ordinary; every tenth has another size.
        const float size = i % 10 == 0 ? kSizes[random() % std::size(kSizes)] : 1.0f;
        for (int k = 0; k < 4; ++k) boxes.push_back(static_cast<float>(random() % 64) / 16.0f * size);
      }
      fill(layer->inputs[0], boxes);
      fill(layer->inputs[2], {most_overlap});
      INFO(most_overlap << (center != 0 ? " by centers" : " by corners"));
      CHECK(check_rows(*layer) >= 2);
    }
  }
}

TEST_CASE("NonMaxSuppression keeps as many boxes of a class as an operand says", "[kernels]") {
  for (const double number : {-1.0, 0.0, 1.0, 5.0, 40.0, 1e15}) {
    auto layer = make_layer(Op::non_max_suppression, {},
                            {input({1, 40, 4}, -3, 3), input({1, 2, 40}),
                             typed({}, DataType::s64, number, number), typed({}, DataType::f32, 0.4, 0.4)},
                            {}, 2);
    REQUIRE(layer);
    CHECK(layer->desc.outputs[0].shape == Shape{80, 3});
    INFO(number);
    CHECK(check_rows(*layer) >= 2);
  }
}

}  // namespace fettle::test
