// SPDX-License-Identifier: Apache-2.0
//
// Rotary position embedding as exporters write it becomes one operator.
#include "tests/common/attributes.h"
#include "tests/graph/passes_builder.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace fettle::graph {
namespace {

using test::with;

ValueId cut(Builder& b, ValueId x, std::int64_t start, std::int64_t end) {
  return b.op(Op::slice, {x, b.integers({start}), b.integers({end}), b.integers({3}), b.integers({1})});
}

// concat(-second half, first half)
ValueId turned(Builder& b, ValueId x, std::int64_t size, std::int64_t middle) {
  return b.op(Op::concat, {b.op(Op::neg, {cut(b, x, middle, size)}), cut(b, x, 0, middle)},
              with("axis", std::int64_t{3}));
}

ValueId rotated(Builder& b, ValueId x, ValueId cosines, ValueId sines, std::int64_t middle = 3) {
  return b.op(Op::add, {b.op(Op::mul, {x, cosines}), b.op(Op::mul, {turned(b, x, 6, middle), sines})});
}

// Rows of `size` elements, of which the second half is as the first.
ValueId doubled(Builder& b, const Shape& shape, std::uint32_t seed) {
  const auto size = static_cast<std::size_t>(shape[shape.rank() - 1]);
  std::vector<float> values = test_values(shape.elements(), seed);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % size >= size / 2) values[i] = values[i - size / 2];
  }
  return b.constant(shape, values);
}

TEST_CASE("rotary embedding with constant angles", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 3, 5, 6});
  SECTION("of each place") {
    CHECK(optimised(b.ending_in(rotated(b, x, doubled(b, {5, 6}, 1), doubled(b, {5, 6}, 2)))) ==
          "rotary_embedding");
  }
  SECTION("of each image and place") {
    CHECK(optimised(b.ending_in(rotated(b, x, doubled(b, {2, 1, 5, 6}, 1), doubled(b, {1, 1, 5, 6}, 2)))) ==
          "rotary_embedding");
  }
  SECTION("the same at all places") {
    CHECK(optimised(b.ending_in(rotated(b, x, doubled(b, {6}, 1), doubled(b, {6}, 2)))) ==
          "rotary_embedding");
  }
}

TEST_CASE("rotary embedding with computed angles", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({1, 3, 5, 6});
  const ValueId angles = b.input({1, 5, 3});
  const ValueId both = b.op(Op::concat, {angles, angles}, with("axis", std::int64_t{2}));
  const auto spread = [&](ValueId value) { return b.op(Op::reshape, {value, b.integers({1, 1, 5, 6})}); };
  CHECK(optimised(b.ending_in(rotated(b, x, spread(b.op(Op::cos, {both})), spread(b.op(Op::sin, {both}))))) ==
        "cos sin rotary_embedding");
}

TEST_CASE("what only looks like a rotary embedding stays as it is", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 3, 5, 6});
  const auto is_found = [](Graph& graph) {
    return optimised(graph).find("rotary_embedding") != std::string::npos;
  };
  SECTION("halves with angles of their own") {
    CHECK_FALSE(is_found(b.ending_in(rotated(b, x, b.weights({5, 6}), doubled(b, {5, 6}, 2)))));
  }
  SECTION("sines with angles of their own, after cosines with the same ones") {
    CHECK_FALSE(is_found(b.ending_in(rotated(b, x, doubled(b, {5, 6}, 2), b.weights({5, 6})))));
    CHECK(b.graph.value_count() < 20);  // nothing was made in vain
  }
  SECTION("heads with angles of their own") {
    CHECK_FALSE(is_found(b.ending_in(rotated(b, x, doubled(b, {3, 5, 6}, 1), doubled(b, {3, 5, 6}, 2)))));
  }
  SECTION("parts that are no halves") {
    CHECK_FALSE(is_found(b.ending_in(rotated(b, x, doubled(b, {5, 6}, 1), doubled(b, {5, 6}, 2), 2))));
  }
}

}  // namespace
}  // namespace fettle::graph
