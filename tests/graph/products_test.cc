// SPDX-License-Identifier: Apache-2.0
//
// What products of matrices take in: transposes and biases; and gathers that are slices or shuffles.
#include "tests/common/attributes.h"
#include "tests/graph/passes_builder.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle::graph {
namespace {

using test::with;

const Node& only_product(const Graph& graph) {
  const Node* found = nullptr;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (node.op == Op::matmul) found = &node;
  }
  REQUIRE(found != nullptr);
  return *found;
}

TEST_CASE("products take their transposes in", "[graph][passes]") {
  Builder b;
  const ValueId q = b.input({2, 7, 3, 8});
  const ValueId k = b.input({2, 5, 3, 8});
  const ValueId v = b.input({2, 5, 3, 6});
  // Heads before steps; keys with steps last, through two transposes.
  const ValueId keys = b.transposed(b.transposed(k, {0, 2, 1, 3}), {0, 1, 3, 2});
  const ValueId scores = b.op(Op::matmul, {b.transposed(q, {0, 2, 1, 3}), keys});
  const ValueId mixed = b.op(Op::matmul, {b.op(Op::tanh, {scores}), b.transposed(v, {0, 2, 1, 3})});
  CHECK(optimised(b.ending_in(b.transposed(mixed, {0, 2, 1, 3}))) == "matmul tanh matmul");
}

TEST_CASE("a bias goes into a product with constant or computed operands", "[graph][passes]") {
  for (const bool constant : {true, false}) {
    Builder b;
    const ValueId x = b.input({2, 4, 3});
    const ValueId w = constant ? b.weights({3, 5}) : b.input({3, 5});
    const ValueId bias = b.weights({5}, 3);
    CHECK(optimised(b.ending_in(b.op(Op::add, {bias, b.op(Op::matmul, {x, w})}))) == "matmul");
    CHECK(only_product(b.graph).inputs.size() == 3);
  }
}

TEST_CASE("what is added to a product stays apart where it is no row of constants", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 5, 3});
  const ValueId product = b.op(Op::matmul, {x, b.weights({3, 5})});
  SECTION("a column") {
    CHECK(optimised(b.ending_in(b.op(Op::add, {product, b.weights({5, 1})}))) == "matmul add");
  }
  SECTION("a matrix") {
    CHECK(optimised(b.ending_in(b.op(Op::add, {product, b.weights({5, 5})}))) == "matmul add");
  }
  SECTION("a computed row") {
    const ValueId row = b.input({5});
    CHECK(optimised(b.ending_in(b.op(Op::add, {product, row}))) == "matmul add");
  }
  SECTION("itself") { CHECK(optimised(b.ending_in(b.op(Op::add, {product, product}))) == "matmul add"); }
  SECTION("where others use the product") {
    const ValueId sum = b.op(Op::add, {product, b.weights({5})});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {sum, product}))) == "matmul add mul");
  }
}

TEST_CASE("transposes that no kernel reads along stay", "[graph][passes]") {
  Builder b;
  SECTION("of the left operand's rows") {
    const ValueId x = b.input({2, 3, 4});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {b.transposed(x, {0, 2, 1}), b.weights({3, 5})}))) ==
          "transpose matmul");
  }
  SECTION("that make batches of the right operand's columns") {
    const ValueId x = b.input({5, 2, 3});
    const ValueId w = b.input({3, 4, 5});
    CHECK(optimised(b.ending_in(b.op(Op::matmul, {x, b.transposed(w, {2, 0, 1})}))) == "transpose matmul");
  }
  SECTION("of the result's columns") {
    const ValueId x = b.input({2, 4, 3});
    CHECK(optimised(b.ending_in(b.transposed(b.op(Op::matmul, {x, b.weights({3, 5})}), {0, 2, 1}))) ==
          "matmul transpose");
  }
}

ValueId gathered(Builder& b, ValueId x, const std::vector<std::int64_t>& at, std::int64_t axis,
                 bool scalar = false) {
  ValueId indices = b.integers(at);
  if (scalar) {
    Result<ValueId> one = b.graph.add_constant("one", DataType::s64, Shape{}, std::as_bytes(std::span(at)));
    REQUIRE(one);
    indices = *one;
  }
  return b.op(Op::gather, {x, indices}, with("axis", axis));
}

TEST_CASE("a gather of elements at equal distances is a slice", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({3, 6, 4});
  SECTION("one, without its axis") {
    CHECK(optimised(b.ending_in(gathered(b, x, {-2}, 1, true))) == "slice reshape");
  }
  SECTION("one") { CHECK(optimised(b.ending_in(gathered(b, x, {2}, 0))) == "slice"); }
  SECTION("neighbours") { CHECK(optimised(b.ending_in(gathered(b, x, {1, 2, 3}, 1))) == "slice"); }
  SECTION("every second, from the end") {
    CHECK(optimised(b.ending_in(gathered(b, x, {-5, 3, -1}, 1))) == "slice");
  }
  SECTION("all") { CHECK(optimised(b.ending_in(b.op(Op::abs, {gathered(b, x, {0, 1, 2, 3}, 2)}))) == "abs"); }
  SECTION("backwards, it is none") {
    CHECK(optimised(b.ending_in(gathered(b, x, {2, 1, 0}, 0))) == "gather");
  }
  SECTION("with one twice, it is none") {
    CHECK(optimised(b.ending_in(gathered(b, x, {1, 1}, 0))) == "gather");
  }
  SECTION("in no order, it is none") {
    CHECK(optimised(b.ending_in(gathered(b, x, {0, 1, 3}, 2))) == "gather");
  }
}

TEST_CASE("a gather of channels in a shuffle's order is a shuffle", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 6, 4, 4});
  SECTION("two groups") {
    CHECK(optimised(b.ending_in(gathered(b, x, {0, 3, 1, 4, 2, 5}, 1))) == "channel_shuffle");
  }
  SECTION("three groups") {
    CHECK(optimised(b.ending_in(gathered(b, x, {0, 2, 4, 1, 3, 5}, 1))) == "channel_shuffle");
  }
  SECTION("another order") {
    CHECK(optimised(b.ending_in(gathered(b, x, {0, 3, 1, 4, 5, 2}, 1))) == "gather");
  }
}

}  // namespace
}  // namespace fettle::graph
