// SPDX-License-Identifier: Apache-2.0
//
// Small graphs by hand, and what all passes make of them.
#pragma once

#include "tests/graph/interpreter.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {

/// Builds graphs by hand: every operator gives one value.
class Builder {
 public:
  ValueId input(const Shape& shape) {
    Value value;
    value.name = "x" + std::to_string(graph.inputs.size());
    value.type = DataType::f32;
    value.shape = shape;
    graph.inputs.push_back(graph.add_value(std::move(value)));
    return graph.inputs.back();
  }
  ValueId constant(const Shape& shape, const std::vector<float>& values) {
    Result<ValueId> id = graph.add_constant("k", DataType::f32, shape, std::as_bytes(std::span(values)));
    REQUIRE(id);
    return *id;
  }
  ValueId scalar(float value) { return constant(Shape{}, {value}); }
  ValueId weights(const Shape& shape, std::uint32_t seed = 7) {
    return constant(shape, test_values(shape.elements(), seed));
  }
  ValueId integers(const std::vector<std::int64_t>& values) {
    Result<ValueId> id =
        graph.add_constant("i", DataType::s64, Shape{static_cast<std::int64_t>(values.size())},
                           std::as_bytes(std::span(values)));
    REQUIRE(id);
    return *id;
  }
  ValueId op(Op kind, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId result = graph.add_value({});
    graph.value(result).name = "v" + std::to_string(result);
    Node node;
    node.op = kind;
    node.id = "n" + std::to_string(graph.node_count());
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = {result};
    graph.add_node(std::move(node));
    return result;
  }
  ValueId transposed(ValueId x, std::vector<std::int64_t> perm) {
    Attributes attributes;
    attributes.set("perm", std::move(perm));
    return op(Op::transpose, {x}, std::move(attributes));
  }
  Graph& ending_in(ValueId result) {
    graph.outputs = {result};
    return graph;
  }
  Graph graph;
};

inline std::string ops(const Graph& graph) {
  std::string text;
  const auto order = graph.topological_order();
  REQUIRE(order);
  for (NodeId id : *order) text += (text.empty() ? "" : " ") + std::string(to_string(graph.node(id).op));
  return text;
}

inline void check_same(const std::vector<std::vector<float>>& actual,
                       const std::vector<std::vector<float>>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    REQUIRE(actual[i].size() == expected[i].size());
    float largest = 0;
    float difference = 0;
    bool finite = false;
    for (std::size_t j = 0; j < actual[i].size(); ++j) {
      if (!std::isfinite(expected[i][j])) {
        CHECK((std::isnan(expected[i][j]) ? std::isnan(actual[i][j]) : actual[i][j] == expected[i][j]));
        continue;
      }
      finite = true;
      largest = std::max(largest, std::abs(expected[i][j]));
      difference = std::max(difference, std::abs(actual[i][j] - expected[i][j]));
    }
    CHECK((largest > 0 || !finite));
    CHECK(difference <= 1e-5f * largest);
  }
}

/// Optimises the graph; the results must stay what they were after inference alone.
inline std::string optimised(Graph& graph) {
  const BeforeAndAfter results = interpret_before_and_after(graph);
  check_same(results.after, results.before);
  return ops(graph);
}

}  // namespace fettle::graph
