// SPDX-License-Identifier: Apache-2.0
//
// Builds graphs as quantised models have them: float operators between DequantizeLinear and QuantizeLinear.
#pragma once

#include "lib/graph/passes.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {

/// How a value is stored: one scale and zero point, or weights with a scale for each extent of `axis`.
struct StoredAs {
  DataType type = DataType::u8;
  std::vector<float> scales = {1};
  std::int64_t zero = 0;
  std::int64_t axis = 0;
};

class QdqBuilder {
 public:
  /// An input of stored numbers, dequantised.
  ValueId input(const Shape& shape, const StoredAs& as) {
    return dequantised(stored_input(shape, as.type), as);
  }
  ValueId stored_input(const Shape& shape, DataType type) {
    Value value;
    value.name = "x" + std::to_string(graph.inputs.size());
    value.type = type;
    value.shape = shape;
    graph.inputs.push_back(graph.add_value(std::move(value)));
    return graph.inputs.back();
  }
  /// A constant, dequantised.
  template <typename T>
  ValueId constant(const Shape& shape, const std::vector<T>& numbers, const StoredAs& as) {
    return dequantised(raw(shape, as.type, numbers), as);
  }
  template <typename T>
  ValueId raw(const Shape& shape, DataType type, const std::vector<T>& numbers) {
    Result<ValueId> id = graph.add_constant("k", type, shape, std::as_bytes(std::span(numbers)));
    REQUIRE(id);
    return *id;
  }
  ValueId dequantised(ValueId stored, const StoredAs& as) {
    return op(Op::dequantize_linear, with_parameters(stored, as), axis(as));
  }
  ValueId quantised(ValueId real, const StoredAs& as) {
    return op(Op::quantize_linear, with_parameters(real, as), axis(as));
  }
  ValueId op(Op kind, std::vector<ValueId> inputs, Attributes attributes = {},
             std::optional<Clamp> clamp = {}) {
    Value value;
    value.name = "v" + std::to_string(graph.value_count());
    const ValueId result = graph.add_value(std::move(value));
    Node node;
    node.op = kind;
    node.id = "n" + std::to_string(graph.node_count());
    node.attributes = std::move(attributes);
    node.clamp = clamp;
    node.inputs = std::move(inputs);
    node.outputs = {result};
    graph.add_node(std::move(node));
    return result;
  }
  Graph graph;

 private:
  static Attributes axis(const StoredAs& as) {
    Attributes attributes;
    if (as.scales.size() > 1) attributes.set("axis", as.axis);
    return attributes;
  }
  std::vector<ValueId> with_parameters(ValueId value, const StoredAs& as) {
    const Shape shape = as.scales.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(as.scales.size())};
    const ValueId scales = raw(shape, DataType::f32, as.scales);
    if (as.type == DataType::s32) return {value, scales};
    const std::vector<std::uint8_t> zeros(as.scales.size(), static_cast<std::uint8_t>(as.zero));
    return {value, scales, raw(shape, as.type, zeros)};
  }
};

}  // namespace fettle::graph
