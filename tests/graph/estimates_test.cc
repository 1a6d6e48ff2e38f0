// SPDX-License-Identifier: Apache-2.0
//
// The estimates of work that limits go by, against what a plain loop would count.
#include "lib/graph/estimates.h"

#include "tests/common/attributes.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

using test::with;

LayerDesc layer_of(Op op, Attributes attributes, const std::vector<Shape>& inputs,
                   const std::vector<Shape>& outputs) {
  const auto tensor = [](const Shape& shape) {
    TensorDesc desc;
    desc.shape = shape;
    desc.format = {Layout::nchw, DataType::f32};
    return desc;
  };
  LayerDesc layer;
  LayerPart part;
  part.op = op;
  part.attributes = std::move(attributes);
  for (const Shape& shape : inputs) {
    part.operands.push_back(static_cast<int>(layer.inputs.size()));
    layer.inputs.push_back(tensor(shape));
  }
  for (const Shape& shape : outputs) layer.outputs.push_back(tensor(shape));
  layer.parts = {std::move(part)};
  return layer;
}

Attributes kernel_of(std::vector<std::int64_t> extents) { return with("kernel_shape", std::move(extents)); }

}  // namespace

TEST_CASE("what moves or maps elements reads each operand and writes each result once", "[graph][limits]") {
  CHECK(count_operations(layer_of(Op::add, {}, {{4, 5}, {5}}, {{4, 5}})) == 20 + 5 + 20);
  CHECK(count_operations(layer_of(Op::tile, {}, {{2}}, {{1000}})) == 1002);
  CHECK(count_operations(layer_of(Op::split, with("axis", std::int64_t{0}), {{6}}, {{2}, {4}})) == 12);
}

TEST_CASE("the work of a window grows with its taps", "[graph][limits]") {
  CHECK(count_operations(layer_of(Op::conv, kernel_of({3, 3}), {{1, 4, 8, 8}, {6, 4, 3, 3}},
                                  {{1, 6, 6, 6}})) == 256 + 216 + 216 * 4 * 9);
  CHECK(count_operations(layer_of(Op::max_pool, kernel_of({3, 2}), {{1, 1, 8, 8}}, {{1, 1, 6, 7}})) ==
        64 + 42 * 6);
  // A stride of 4096 spreads 36 inputs over rows of 20481 results, each of which looks at all taps.
  Attributes attributes = kernel_of({31, 31});
  attributes.set("group", std::int64_t{1});
  CHECK(count_operations(layer_of(Op::conv_transpose, attributes, {{1, 2, 6, 6}, {2, 2, 31, 31}, {2}},
                                  {{1, 2, 6, 20481}})) == 72 + 3844 + 2 + 2.0 * 6 * 20481 * 2 * 31 * 31);
  attributes.set("group", std::int64_t{2});
  CHECK(count_operations(layer_of(Op::conv_transpose, attributes, {{1, 2, 6, 6}, {2, 1, 31, 31}},
                                  {{1, 2, 6, 20481}})) == 72 + 1922 + 2.0 * 6 * 20481 * 31 * 31);
}

TEST_CASE("the work of a region of interest grows with its sampling points", "[graph][limits]") {
  const std::vector<Shape> inputs{{1, 1, 4, 4}, {3, 4}, {3}};
  const auto work = [&](std::int64_t ratio) {
    return count_operations(layer_of(Op::roi_align, with("sampling_ratio", ratio), inputs, {{3, 1, 2, 3}}));
  };
  CHECK(work(65535) == 16 + 12 + 3 + 18 * 4 * 65535.0 * 65535.0);
  // Without a ratio no cell has more points than the picture has places for.
  CHECK(work(0) > 4 * 3 * 4 * 4);
  CHECK(work(0) < 10'000);
}

TEST_CASE("the work of choosing grows with what is looked at for each result", "[graph][limits]") {
  CHECK(count_operations(layer_of(Op::top_k, with("axis", std::int64_t{1}), {{2, 1000}},
                                  {{2, 10}, {2, 10}})) == 2000 + 40 * 1000);
  // 2 batches, 3 classes, 100 boxes.
  CHECK(count_operations(layer_of(Op::non_max_suppression, {}, {{2, 100, 4}, {2, 3, 100}}, {{50, 3}, {2}})) ==
        800 + 600 + 152 + 2 * 3 * 100 * 100);
}

TEST_CASE("the work of products grows with what is summed over", "[graph][limits]") {
  CHECK(count_operations(layer_of(Op::matmul, {}, {{7, 5}, {5, 3}}, {{7, 3}})) == 35 + 15 + 21 * 5);
  CHECK(count_operations(layer_of(Op::einsum,
                                  with("labels", std::vector<std::int64_t>{0, 1, -1, 1, 2, -1, 0, 2}),
                                  {{7, 5}, {5, 3}}, {{7, 3}})) == 35 + 15 + 21 * 5 * 2);
  CHECK(count_operations(layer_of(Op::det, {}, {{2, 10, 10}}, {{2}})) == 200 + 2 * 1000);
}

}  // namespace fettle::graph
