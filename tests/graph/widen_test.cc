// SPDX-License-Identifier: Apache-2.0
//
// float16 and bfloat16 compute in f32: where casts are, and where they are not.
#include "lib/base/narrow_floats.h"
#include "tests/graph/interpreter.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace fettle::graph {
namespace {

// Graphs whose values are of one narrow type.
class Narrow {
 public:
  explicit Narrow(DataType type = DataType::f16) : type_(type) {}

  ValueId input(const Shape& shape, DataType type) {
    Value value;
    value.name = "x" + std::to_string(graph.inputs.size());
    value.type = type;
    value.shape = shape;
    graph.inputs.push_back(graph.add_value(std::move(value)));
    return graph.inputs.back();
  }
  ValueId input(const Shape& shape) { return input(shape, type_); }
  ValueId weights(const Shape& shape) {
    std::vector<std::uint16_t> stored;
    for (float value : test_values(shape.elements()))
      stored.push_back(type_ == DataType::f16 ? to_f16(value) : to_bf16(value));
    Result<ValueId> id = graph.add_constant("k", type_, shape, std::as_bytes(std::span(stored)));
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
  ValueId cast(ValueId x, DataType to) {
    Attributes attributes;
    attributes.set("to", std::string(to_string(to)));
    return op(Op::cast, {x}, std::move(attributes));
  }
  ValueId transpose(ValueId x) {
    Attributes attributes;
    attributes.set("perm", std::vector<std::int64_t>{0, 1, 3, 2});
    return op(Op::transpose, {x}, std::move(attributes));
  }
  // The operators, each with the type of its result.
  std::string optimised(std::vector<ValueId> results) {
    graph.outputs = std::move(results);
    PassContext context = test_context();
    const Status status = optimise(graph, context);
    INFO((status ? "" : status.error().text()));
    REQUIRE(status);
    std::string text;
    std::set<std::string> ids;
    for (std::size_t i = 0; i < graph.node_count(); ++i) {
      const Node& node = graph.node(static_cast<NodeId>(i));
      CHECK(ids.insert(node.id).second);
      text += (text.empty() ? "" : " ") + std::string(to_string(node.op)) + ":" +
              std::string(to_string(graph.value(node.outputs.front()).type));
    }
    return text;
  }

  Graph graph;

 private:
  DataType type_;
};

}  // namespace

TEST_CASE("a network of float16 computes in f32, with casts at its ends alone", "[graph][passes]") {
  for (const DataType type : {DataType::f16, DataType::bf16}) {
    Narrow b(type);
    const std::string name(to_string(type));
    const ValueId conv = b.op(Op::conv, {b.input({1, 3, 4, 4}), b.weights({2, 3, 1, 1}), b.weights({2})});
    CHECK(b.optimised({b.op(Op::sigmoid, {conv})}) == "cast:f32 conv:f32 sigmoid:f32 cast:" + name);
    CHECK(b.graph.value(b.graph.inputs[0]).type == type);
    CHECK(b.graph.value(b.graph.outputs[0]).type == type);
    const Node& layer = b.graph.node(1);
    REQUIRE(layer.op == Op::conv);
    const Value& weight = b.graph.value(layer.inputs[1]);
    REQUIRE(weight.constant);
    CHECK(weight.type == DataType::f32);
    const std::vector<float> given = test_values(6);
    const auto kept = weight.constant->values<float>();
    REQUIRE(kept.size() == 6);
    for (std::size_t i = 0; i < 6; ++i)
      CHECK(kept[i] == (type == DataType::f16 ? from_f16(to_f16(given[i])) : from_bf16(to_bf16(given[i]))));
    // Plans name layers: what computes keeps its name, casts are called after the values that they cast.
    CHECK(b.graph.node(0).id == "x0.f32");
    CHECK(b.graph.node(1).id == "n0");
    CHECK(b.graph.node(3).id == "n1." + name);
  }
}

TEST_CASE("linear operators and clamps of float16 are fused as those of f32 are", "[graph][passes]") {
  Narrow b;
  const ValueId conv = b.op(Op::conv, {b.input({1, 3, 4, 4}), b.weights({2, 3, 1, 1})});
  const ValueId scaled = b.op(Op::mul, {conv, b.weights({1, 2, 1, 1})});
  CHECK(b.optimised({b.op(Op::relu, {scaled})}) == "cast:f32 conv:f32 cast:f16");
  CHECK(b.graph.node(1).clamp.has_value());
}

TEST_CASE("what only moves elements of float16 leaves them so", "[graph][passes]") {
  Narrow moving;
  CHECK(moving.optimised({moving.transpose(moving.input({1, 2, 3, 4}))}) == "transpose:f16");
  Narrow before;
  const ValueId moved = before.transpose(before.input({1, 2, 3, 4}));
  CHECK(before.optimised({before.op(Op::sigmoid, {moved})}) == "transpose:f16 cast:f32 sigmoid:f32 cast:f16");
}

TEST_CASE("between layers that compute, elements are moved as f32", "[graph][passes]") {
  Narrow b;
  const ValueId first = b.op(Op::sigmoid, {b.input({1, 2, 3, 4})});
  CHECK(b.optimised({b.op(Op::tanh, {b.transpose(first)})}) ==
        "cast:f32 sigmoid:f32 transpose:f32 tanh:f32 cast:f16");
}

TEST_CASE("operands that meet a result in f32 are widened once", "[graph][passes]") {
  Narrow b;
  const ValueId x = b.input({1, 2, 3, 4});
  const ValueId y = b.op(Op::sigmoid, {x});
  Attributes axis;
  axis.set("axis", std::int64_t{1});
  const ValueId joined = b.op(Op::concat, {x, y}, std::move(axis));
  const ValueId sum = b.op(Op::add, {x, y});
  CHECK(b.optimised({joined, sum}) == "cast:f32 sigmoid:f32 concat:f32 add:f32 cast:f16 cast:f16");
}

TEST_CASE("a cast to float16 is rounding that the model asks for, and stays", "[graph][passes]") {
  Narrow b;
  const ValueId narrow = b.cast(b.input({4}, DataType::f32), DataType::f16);
  CHECK(b.optimised({b.cast(b.op(Op::sigmoid, {narrow}), DataType::f32)}) == "cast:f16 cast:f32 sigmoid:f32");
  Narrow both;
  const ValueId rounded = both.cast(both.input({4}, DataType::f32), DataType::f16);
  CHECK(both.optimised({both.cast(rounded, DataType::f32)}) == "cast:f16 cast:f32");
}

TEST_CASE("a cast to another type takes the number that the model means", "[graph][passes]") {
  Narrow b;
  CHECK(b.optimised({b.cast(b.op(Op::sigmoid, {b.input({4})}), DataType::s32)}) ==
        "cast:f32 sigmoid:f32 cast:f16 cast:s32");
}

TEST_CASE("a result that leaves the network is rounded for its output alone", "[graph][passes]") {
  Narrow b;
  const ValueId middle = b.op(Op::sigmoid, {b.input({4})});
  CHECK(b.optimised({middle, b.op(Op::tanh, {middle})}) == "cast:f32 sigmoid:f32 tanh:f32 cast:f16 cast:f16");
  CHECK(b.graph.outputs.size() == 2);
}

TEST_CASE("casts that passes put in have names that no node has", "[graph][passes]") {
  Narrow b;
  const ValueId first = b.op(Op::sigmoid, {b.input({4})});
  const ValueId second = b.op(Op::tanh, {first});
  b.graph.node(0).id = "n1.f16";
  b.graph.node(1).id = "n1";
  b.optimised({second});  // looks at the names
  CHECK(b.graph.node(3).id == "n1.f16_2");
}

TEST_CASE("constants that share their bytes are widened once", "[graph][passes]") {
  Narrow b;
  const ValueId shared = b.weights({8});
  const ValueId again = b.op(Op::identity, {shared});
  const ValueId x = b.input({8});
  const ValueId y = b.op(Op::add, {b.op(Op::mul, {x, shared}), again});
  b.optimised({y});
  const Node* mul = nullptr;
  const Node* add = nullptr;
  for (std::size_t i = 0; i < b.graph.node_count(); ++i) {
    const Node& node = b.graph.node(static_cast<NodeId>(i));
    if (node.op == Op::mul) mul = &node;
    if (node.op == Op::add) add = &node;
  }
  REQUIRE(mul != nullptr);
  REQUIRE(add != nullptr);
  CHECK(b.graph.value(mul->inputs[1]).constant == b.graph.value(add->inputs[1]).constant);
}

TEST_CASE("widened constants stay within the limits", "[graph][passes]") {
  Narrow b;
  const ValueId y = b.op(Op::mul, {b.input({8}), b.weights({8})});
  b.graph.outputs = {y};
  PassContext context = test_context();
  context.limits.file_bytes = 10;
  context.limits.folded_bytes = 5;  // together half of 30, and eight elements need 32
  const Status status = optimise(b.graph, context);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == ErrorCode::kLimitExceeded);
}

}  // namespace fettle::graph
