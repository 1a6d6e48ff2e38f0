// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace fettle::test {
namespace {

// The L2 cache's size.
std::size_t cache_bytes() {
  const std::size_t known = this_cpu().cores.front().l2_bytes;
  return known != 0 ? known : std::size_t{1} << 18;
}

// Puts `next`, whose first operand is the region's result so far, behind a region.
void append(TestLayer& region, const TestLayer& next) {
  const int producer = static_cast<int>(region.desc.parts.size()) - 1;
  const int before = static_cast<int>(region.inputs.size()) - 1;
  LayerPart part = next.desc.parts[0];
  for (int& operand : part.operands) operand = operand == 0 ? result_of_part(producer) : operand + before;
  region.desc.parts.push_back(std::move(part));
  region.desc.inner.push_back(region.desc.outputs[0]);
  region.desc.outputs = next.desc.outputs;
  region.desc.inputs.insert(region.desc.inputs.end(), next.desc.inputs.begin() + 1, next.desc.inputs.end());
  region.inputs.insert(region.inputs.end(), next.inputs.begin() + 1, next.inputs.end());
}

std::optional<TestLayer> convolution(Random& random, const Shape& shape, Attributes a, std::int64_t out,
                                     std::int64_t groups) {
  const auto kernel = a.integers("kernel_shape");
  std::vector<Operand> operands{input(shape), weight({out, shape[1] / groups, kernel[0], kernel[1]})};
  a.set("group", groups);
  if (random() % 4 != 0) operands.push_back(weight({out}));
  return make_layer(Op::conv, std::move(a), operands,
                    random() % 2 == 0 ? std::optional<Clamp>({-0.5f, 3}) : std::nullopt);
}

// Square windows, as networks have them, and others.
Attributes depthwise_window(Random& random) {
  Attributes a;
  const std::int64_t side = pick(random, 1, 7);
  const std::int64_t stride = pick(random, 1, 3);
  const bool odd = random() % 4 == 0;
  a.set("kernel_shape", Integers{side, odd ? pick(random, 1, 4) : side});
  a.set("strides", Integers{stride, odd ? pick(random, 1, 4) : stride});
  a.set("dilations", Integers{odd ? pick(random, 1, 2) : 1, odd ? pick(random, 1, 2) : 1});
  a.set("pads", Integers(4, odd ? pick(random, 0, 2) : side / 2));
  return a;
}

Attributes pointwise_window() {
  Attributes a;
  a.set("kernel_shape", Integers{1, 1});
  return a;
}

// The addition of a tensor, which may be either operand.
void append_sum(Random& random, TestLayer& region) {
  const Shape result = region.desc.outputs[0].shape;
  append(region, make_layer(Op::add, {}, {input(result), input(result)},
                            random() % 2 == 0 ? std::optional<Clamp>({0, 6}) : std::nullopt)
                     .value());
  std::vector<int>& sum = region.desc.parts.back().operands;
  if (random() % 2 == 0) std::swap(sum[0], sum[1]);
}

// Pointwise, depthwise, pointwise, and the sum; each with everything before it.
void visit_inverted(Random& random, const Shape& shape, std::int64_t wide, const Attributes& window,
                    const Visit& visit) {
  TestLayer region = convolution(random, shape, pointwise_window(), wide, 1).value();
  const auto depthwise = convolution(random, region.desc.outputs[0].shape, window, wide, wide);
  if (!depthwise) return;
  append(region, *depthwise);
  visit(region);
  const Shape between = region.desc.outputs[0].shape;
  append(region, convolution(random, between, pointwise_window(), pick(random, 1, 40), 1).value());
  visit(region);
  append_sum(random, region);
  visit(region);
}

void visit_pair(Random& random, const Shape& shape, const Attributes& window, std::int64_t out,
                const Visit& visit) {
  const auto depthwise = convolution(random, shape, window, shape[1], shape[1]);
  if (!depthwise) return;
  const Shape between = depthwise->desc.outputs[0].shape;
  TestLayer region = *depthwise;
  append(region, convolution(random, between, pointwise_window(), out, 1).value());
  visit(region);
  append_sum(random, region);
  visit(region);
}

}  // namespace

void visit_pairs(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    const Shape shape{random() % 5 == 0 ? 2 : 1, pick(random, 1, 70), pick(random, 1, 25),
                      pick(random, 1, 25)};
    visit_pair(random, shape, depthwise_window(random), pick(random, 1, 70), visit);
  }
  // So many channels that few pixels stay in the cache between the convolutions, and rows are cut; and then
  // weights that do not stay there either.
  Attributes wide;
  wide.set("kernel_shape", Integers{1, 3});
  wide.set("pads", Integers{0, 1, 0, 1});
  const auto channels = static_cast<std::int64_t>(cache_bytes() / sizeof(float) / 640);
  visit_pair(random, {1, channels, 2, 53}, wide, 5, visit);
  visit_pair(random, {1, channels, 3, 19}, wide, 384, visit);
}

void visit_inverted_residuals(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    const Shape shape{random() % 5 == 0 ? 2 : 1, pick(random, 1, 40), pick(random, 1, 25),
                      pick(random, 1, 25)};
    visit_inverted(random, shape, pick(random, 1, 70), depthwise_window(random), visit);
  }
  // Pictures of which only some rows stay in the cache, so that blocks of rows share some.
  for (const std::int64_t stride : {1, 2}) {
    Attributes window;
    window.set("kernel_shape", Integers{5, 3});
    window.set("pads", Integers{2, 1, 2, 1});
    window.set("strides", Integers{stride, 1});
    const auto channels = static_cast<std::int64_t>(cache_bytes() / sizeof(float) / 4 / 60 / 12);
    visit_inverted(random, {2, 3, 29, 60}, channels, window, visit);
  }
}

}  // namespace fettle::test
