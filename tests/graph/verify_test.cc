// SPDX-License-Identifier: Apache-2.0
//
// What verify() finds in graphs that a pass has broken.
#include "lib/graph/verify.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace fettle::graph {
namespace {

using Catch::Matchers::ContainsSubstring;

// x -> relu "first" -> y -> relu "second" -> z, and a constant k that nothing uses.
struct Chain {
  Chain() {
    x = named("x");
    y = named("y");
    z = named("z");
    graph.inputs = {x};
    graph.outputs = {z};
    first = relu("first", x, y);
    second = relu("second", y, z);
    const float zero = 0;
    const Result<ValueId> made =
        graph.add_constant("k", DataType::f32, Shape{}, std::as_bytes(std::span(&zero, 1)));
    REQUIRE(made);
    k = *made;
  }
  ValueId named(const char* name) {
    Value value;
    value.name = name;
    return graph.add_value(std::move(value));
  }
  NodeId relu(const char* id, ValueId from, ValueId to) {
    Node node;
    node.op = Op::relu;
    node.id = id;
    node.inputs = {from};
    node.outputs = {to};
    return graph.add_node(std::move(node));
  }
  Graph graph;
  ValueId x, y, z, k;
  NodeId first, second;
};

std::string broken_by(const std::function<void(Chain&)>& damage) {
  Chain chain;
  damage(chain);
  return verify(chain.graph);
}

}  // namespace

TEST_CASE("verify accepts a sound graph, with tombstones and unused values", "[graph]") {
  CHECK(broken_by([](Chain&) {}).empty());
  CHECK(broken_by([](Chain& c) {
          c.graph.replace_uses(c.z, c.y);
          c.graph.remove_node(c.second);
        }).empty());
}

TEST_CASE("verify names what is broken", "[graph]") {
  CHECK_THAT(broken_by([](Chain& c) { c.graph.node(c.first).id.clear(); }), ContainsSubstring("has no id"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.node(c.second).id = "first"; }),
             ContainsSubstring("two nodes are called first"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.remove_node(c.first); }),
             ContainsSubstring("node second uses y, which nothing computes"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.remove_node(c.second); }),
             ContainsSubstring("the graph's output uses z, which nothing computes"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.node(c.first).inputs = {99}; }),
             ContainsSubstring("an operand of first is no value"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.node(c.first).outputs.clear(); }),
             ContainsSubstring("first has no output"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.value(c.y).producer = c.second; }),
             ContainsSubstring("first is not the producer of its output y"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.value(c.k).producer = c.first; }),
             ContainsSubstring("does not list it"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.value(c.y).constant = c.graph.value(c.k).constant; }),
             ContainsSubstring("constant y has a producer"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.value(c.k).shape = Shape{2}; }),
             ContainsSubstring("has 4 bytes"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.value(c.k).shape.reset(); }),
             ContainsSubstring("has no shape"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.inputs.push_back(c.y); }),
             ContainsSubstring("input y has a producer"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.outputs.push_back(-1); }),
             ContainsSubstring("output is no value"));
  CHECK_THAT(broken_by([](Chain& c) { c.graph.node(c.first).inputs = {c.z}; }), ContainsSubstring("cycle"));
}

}  // namespace fettle::graph
