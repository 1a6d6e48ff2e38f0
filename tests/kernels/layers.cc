// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace fettle::test {
namespace {

template <typename T>
void fill(std::vector<std::byte>& bytes, Random& random, double low, double high) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    const double unit = static_cast<double>(random() >> 8) / (1 << 24);
    const T value = static_cast<T>(std::is_integral_v<T> ? std::floor(low + unit * (high - low + 1))
                                                         : low + unit * (high - low));
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
}

std::vector<std::byte> bytes_of(const Operand& operand, Random& random) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(operand.shape.elements()) * size_of(operand.type));
  if (!operand.integers.empty())
    std::memcpy(bytes.data(), operand.integers.data(), bytes.size());
  else if (operand.type == DataType::f32)
    fill<float>(bytes, random, operand.low, operand.high);
  else if (operand.type == DataType::s64)
    fill<std::int64_t>(bytes, random, operand.low, operand.high);
  else if (operand.type == DataType::s32)
    fill<std::int32_t>(bytes, random, operand.low, operand.high);
  else
    fill<std::uint8_t>(bytes, random, operand.low, operand.high);
  return bytes;
}

}  // namespace

Integers any_order(Random& random, int rank, bool exchanged) {
  Integers order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size() - 2; i > 0; --i)
    std::swap(order[i], order[static_cast<std::size_t>(pick(random, 0, static_cast<std::int64_t>(i)))]);
  if (exchanged && random() % 2 == 0) std::swap(order[order.size() - 1], order[order.size() - 2]);
  return order;
}

Shape stored_for(const Shape& shape, const Integers& order) {
  Shape stored = shape;
  for (std::size_t axis = 0; axis < order.size(); ++axis)
    stored[static_cast<int>(order[axis])] = shape[static_cast<int>(axis)];
  return stored;
}

std::optional<TestLayer> make_layer(Op op, Attributes attributes, const std::vector<Operand>& operands,
                                    std::optional<Clamp> clamp, std::size_t outputs) {
  Random random(static_cast<std::uint32_t>(operands.front().shape.elements()));
  graph::Graph graph;
  graph::Node node;
  std::vector<std::vector<std::byte>> bytes;
  for (const Operand& operand : operands) {
    bytes.push_back(bytes_of(operand, random));
    if (operand.left_out) {
      node.inputs.push_back(graph::kNoValue);
      continue;
    }
    if (operand.constant) {
      const Result<graph::ValueId> id = graph.add_constant("k", operand.type, operand.shape, bytes.back());
      REQUIRE(id);
      node.inputs.push_back(*id);
      continue;
    }
    graph::Value value;
    value.name = "x" + std::to_string(graph.inputs.size());
    value.type = operand.type;
    value.shape = operand.shape;
    graph.inputs.push_back(graph.add_value(std::move(value)));
    node.inputs.push_back(graph.inputs.back());
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    graph::Value value;
    value.name = "y" + std::to_string(i);
    graph.outputs.push_back(graph.add_value(std::move(value)));
  }
  node.op = op;
  node.id = "n";
  node.attributes = std::move(attributes);
  node.clamp = clamp;
  node.outputs = graph.outputs;
  const std::vector<graph::ValueId> given = node.inputs;
  const graph::NodeId id = graph.add_node(std::move(node));

  graph::PassContext context;
  const Result<bool> inferred = simplify(graph, context);
  for (const graph::Problem& problem : context.problems)
    UNSCOPED_INFO(to_string(op) << ": " << problem.reason);
  if (!inferred || !context.problems.empty() || graph.value(graph.outputs[0]).shape->elements() == 0)
    return std::nullopt;
  TestLayer layer{describe(graph, id), {}};
  // Parameters that inference has turned into attributes are no inputs of the layer.
  for (const graph::ValueId kept : graph.node(id).inputs) {
    if (kept == graph::kNoValue) continue;
    // A reshape that inference has put before an operand changes none of its bytes.
    const graph::NodeId before = graph.value(kept).producer;
    const graph::ValueId source = before == graph::kNoNode ? kept : graph.node(before).inputs.front();
    const auto found = std::find(given.begin(), given.end(), source);
    if (found != given.end()) {
      const auto index = static_cast<std::size_t>(found - given.begin());
      layer.inputs.push_back(bytes[index]);
      if (before == graph::kNoNode || graph.node(before).op == Op::reshape) continue;
      // Anything else (a slice, for negative padding) leaves other elements: the layer begins behind it.
      Operand behind = operands[index];
      behind.shape = *graph.value(kept).shape;
      layer.inputs.back() = bytes_of(behind, random);
    } else {
      const std::span<const std::byte> contents = graph.value(kept).constant->bytes;
      layer.inputs.emplace_back(contents.begin(), contents.end());
    }
  }
  return layer;
}

void visit_made(Op op, Attributes attributes, const std::vector<Operand>& operands, const Visit& visit,
                std::size_t outputs) {
  const auto layer = make_layer(op, std::move(attributes), operands, {}, outputs);
  REQUIRE(layer);
  visit(*layer);
}

}  // namespace fettle::test
