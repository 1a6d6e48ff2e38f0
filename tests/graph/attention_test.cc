// SPDX-License-Identifier: Apache-2.0
//
// Attention as exporters write it becomes one operator.
#include "tests/common/attributes.h"
#include "tests/graph/passes_builder.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace fettle::graph {
namespace {

using test::with;

ValueId softmax(Builder& b, ValueId x, std::int64_t axis) {
  return b.op(Op::softmax, {x}, with("axis", axis));
}

const Node& only_attention(const Graph& graph) {
  const Node* found = nullptr;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (node.op == Op::attention) found = &node;
  }
  REQUIRE(found != nullptr);
  return *found;
}

TEST_CASE("attention of several heads takes transposes and scales in", "[graph][passes]") {
  Builder b;
  const ValueId q = b.input({2, 7, 3, 8});
  const ValueId k = b.input({2, 5, 3, 8});
  const ValueId v = b.input({2, 5, 3, 6});
  // Heads before steps; keys with steps last, through two transposes.
  ValueId queries = b.transposed(q, {0, 2, 1, 3});
  ValueId keys = b.transposed(b.transposed(k, {0, 2, 1, 3}), {0, 1, 3, 2});
  float scale = 1;
  SECTION("without a scale") {}
  SECTION("with a scale of the queries") {
    queries = b.op(Op::mul, {queries, b.scalar(0.5f)});
    scale = 0.5f;
  }
  SECTION("with a scale of both") {
    queries = b.op(Op::mul, {b.scalar(0.5f), queries});
    keys = b.op(Op::div, {keys, b.scalar(4)});
    scale = 0.125f;
  }
  const ValueId scores = b.op(Op::matmul, {queries, keys});
  const ValueId mixed = b.op(Op::matmul, {softmax(b, scores, 3), b.transposed(v, {0, 2, 1, 3})});
  CHECK(optimised(b.ending_in(b.transposed(mixed, {0, 2, 1, 3}))) == "attention");
  CHECK(only_attention(b.graph).attributes.real("scale") == scale);
}

TEST_CASE("attention with a scale and masks of its scores", "[graph][passes]") {
  Builder b;
  const ValueId q = b.input({2, 3, 4, 8});
  const ValueId k = b.input({2, 3, 5, 8});
  const ValueId v = b.input({2, 3, 5, 6});
  ValueId scores = b.op(Op::matmul, {q, b.transposed(k, {0, 1, 3, 2})});
  std::string expected = "attention";
  SECTION("divided") { scores = b.op(Op::div, {scores, b.scalar(3)}); }
  SECTION("with a constant mask") { scores = b.op(Op::add, {scores, b.weights({1, 3, 4, 5})}); }
  SECTION("scaled, with a computed mask") {
    scores = b.op(Op::add, {b.input({2, 1, 1, 5}), b.op(Op::mul, {scores, b.scalar(0.25f)})});
  }
  SECTION("with two masks") {
    scores = b.op(Op::add, {scores, b.weights({1, 3, 4, 5})});
    scores = b.op(Op::add, {scores, b.input({2, 1, 1, 5})});
    expected = "add attention";
  }
  CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scores, 3), v}))) == expected);
}

TEST_CASE("attention of one axis of heads, or of none", "[graph][passes]") {
  Builder b;
  SECTION("three axes") {
    const ValueId q = b.input({7, 6, 8});
    const ValueId k = b.input({5, 6, 8});
    const ValueId v = b.input({5, 6, 8});
    const ValueId queries = b.op(Op::div, {b.transposed(q, {1, 0, 2}), b.scalar(2)});
    const ValueId scores = b.op(Op::matmul, {queries, b.transposed(k, {1, 2, 0})});
    const ValueId mixed = b.op(Op::matmul, {softmax(b, scores, 2), b.transposed(v, {1, 0, 2})});
    CHECK(optimised(b.ending_in(b.transposed(mixed, {1, 0, 2}))) ==
          "reshape reshape reshape attention reshape");
  }
  SECTION("two axes") {
    const ValueId scores = b.op(Op::matmul, {b.input({4, 8}), b.input({8, 5})});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scores, 1), b.input({5, 3})}))) ==
          "reshape reshape reshape attention reshape");
  }
  SECTION("keys that all heads share") {
    const ValueId scores = b.op(Op::matmul, {b.input({2, 3, 4, 8}), b.input({2, 1, 8, 5})});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scores, 3), b.input({2, 1, 5, 6})}))) ==
          "attention");
  }
}

TEST_CASE("a mask of -inf stays what softmax makes of it", "[graph][passes]") {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  Builder b;
  const ValueId q = b.input({1, 1, 2, 3});
  const ValueId k = b.input({1, 1, 2, 3});
  const ValueId v = b.input({1, 1, 2, 3});
  const ValueId mask = b.constant({2, 2}, {0, kMasked, kMasked, kMasked});
  const ValueId scores = b.op(Op::add, {b.op(Op::matmul, {q, b.transposed(k, {0, 1, 3, 2})}), mask});
  Graph& graph = b.ending_in(b.op(Op::matmul, {softmax(b, scores, 3), v}));
  REQUIRE(optimised(graph) == "attention");
  const std::vector<std::vector<float>> results = interpret(graph);
  CHECK(std::isfinite(results[0][0]));
  CHECK(std::isnan(results[0][5]));
}

TEST_CASE("what only looks like attention stays as it is", "[graph][passes]") {
  Builder b;
  const ValueId q = b.input({2, 3, 4, 8});
  const ValueId k = b.input({2, 3, 8, 5});
  const ValueId v = b.input({2, 3, 5, 6});
  const ValueId scores = b.op(Op::matmul, {q, k});
  SECTION("softmax over the queries") {
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scores, 2), v}))) == "matmul softmax matmul");
  }
  SECTION("weights that others see") {
    const ValueId weights = softmax(b, scores, 3);
    b.ending_in(b.op(Op::matmul, {weights, v}));
    b.graph.outputs.push_back(weights);
    CHECK(optimised(b.graph) == "matmul softmax matmul");
  }
  SECTION("scores that others see") {
    b.ending_in(b.op(Op::matmul, {softmax(b, scores, 3), v}));
    b.graph.outputs.push_back(scores);
    CHECK(optimised(b.graph) == "matmul softmax matmul");
  }
  SECTION("a sum that is scaled") {
    const ValueId sum = b.op(Op::add, {scores, b.weights({4, 5})});
    const ValueId scaled = b.op(Op::mul, {sum, b.scalar(2)});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scaled, 3), v}))) ==
          "matmul add mul softmax matmul");
  }
  SECTION("a divisor without a reciprocal") {
    const ValueId quotient = b.op(Op::div, {scores, b.scalar(1e-40f)});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, quotient, 3), v}))) ==
          "matmul div softmax matmul");
  }
  SECTION("values of other heads") {
    const ValueId other = b.input({5, 6});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {softmax(b, scores, 3), other}))) ==
          "matmul softmax matmul");
  }
}

}  // namespace
}  // namespace fettle::graph
