// SPDX-License-Identifier: Apache-2.0
//
// Runs a graph node by node with the reference kernels, so that a pass can be held to its promise: the same
// results.
#pragma once

#include "kernels/reference/evaluate.h"
#include "lib/graph/passes.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace fettle::graph {

inline PassContext test_context() {
  PassContext context;
  context.evaluate = kernels::evaluate_reference;
  return context;
}

/// Numbers without a pattern that a kernel could share, between -2 and 2.
inline std::vector<float> test_values(std::int64_t count, std::uint32_t seed = 1) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(seed >> 8) / static_cast<float>(1 << 22) - 2.0f);
  }
  return values;
}

/// The f32 outputs for inputs filled with test_values, or bytes made of them. Shapes must have been inferred.
inline std::vector<std::vector<float>> interpret(const Graph& graph) {
  std::map<ValueId, std::vector<std::byte>> held;
  const auto bytes_of = [&](ValueId id) -> std::span<const std::byte> {
    if (graph.is_constant(id)) return graph.value(id).constant->bytes;
    return held.at(id);
  };
  for (ValueId input : graph.inputs) {
    const std::vector<float> values = test_values(graph.value(input).shape->elements());
    const auto bytes = std::as_bytes(std::span(values));
    held[input].assign(bytes.begin(), bytes.end());
    if (graph.value(input).type == DataType::f32) continue;
    held[input].clear();
    for (float value : values)
      held[input].push_back(static_cast<std::byte>(static_cast<int>((value + 2) * 63)));
  }
  const Result<std::vector<NodeId>> order = graph.topological_order();
  REQUIRE(order);
  for (NodeId id : *order) {
    const Node& node = graph.node(id);
    INFO(node.id);
    std::vector<ConstantBytes> inputs;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) inputs.push_back(bytes_of(input));
    }
    std::vector<std::span<std::byte>> outputs;
    for (ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      const Value& value = graph.value(output);
      held[output].resize(dense_bytes(*value.shape, {Layout::nchw, value.type}));
      outputs.push_back(held[output]);
    }
    const Result<std::string_view> status = kernels::evaluate_reference(describe(graph, id), inputs, outputs);
    INFO((status ? "" : status.error().text()));
    REQUIRE(status);
  }
  std::vector<std::vector<float>> results;
  for (ValueId output : graph.outputs) {
    const auto bytes = bytes_of(output);
    const auto* values = reinterpret_cast<const float*>(bytes.data());
    results.emplace_back(values, values + bytes.size() / sizeof(float));
  }
  return results;
}

/// What a graph gives before and after all passes, which must understand it. It is the optimised one then.
struct BeforeAndAfter {
  std::vector<std::vector<float>> before;
  std::vector<std::vector<float>> after;
};
inline BeforeAndAfter interpret_before_and_after(Graph& graph) {
  PassContext context = test_context();
  REQUIRE(simplify(graph, context));
  for (const Problem& problem : context.problems) UNSCOPED_INFO(problem.node << ": " << problem.reason);
  REQUIRE(context.problems.empty());
  BeforeAndAfter results;
  results.before = interpret(graph);
  const Status status = optimise(graph, context);
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
  results.after = interpret(graph);
  return results;
}

/// The largest of the numbers that were expected, by magnitude, and how far others are apart from them.
struct Deviation {
  float largest = 0;
  float difference = 0;
};
inline Deviation deviation_of(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  Deviation deviation;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    deviation.largest = std::max(deviation.largest, std::abs(expected[i]));
    deviation.difference = std::max(deviation.difference, std::abs(actual[i] - expected[i]));
  }
  CHECK(deviation.largest > 0);
  return deviation;
}

}  // namespace fettle::graph
