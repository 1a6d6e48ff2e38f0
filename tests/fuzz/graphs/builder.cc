// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/builder.h"

#include "lib/graph/infer/infer.h"
#include "lib/graph/operators.h"
#include "tests/fuzz/graphs/rounding.h"
#include "tests/fuzz/target.h"

#include <algorithm>
#include <span>

namespace fettle::fuzz {

using graph::Node;
using graph::NodeId;
using graph::Value;

namespace {

constexpr std::int64_t kMostElements = 4096;

// Integers without a pattern, from one byte.
class Noise {
 public:
  explicit Noise(ByteSource& bytes) : seed_(bytes.byte() + 1u) {}
  std::uint32_t next() { return (seed_ = seed_ * 1664525u + 1013904223u) >> 8; }

 private:
  std::uint32_t seed_;
};

}  // namespace

GraphBuilder::GraphBuilder(ByteSource& bytes) : bytes_(bytes) {
  graph_.name = "fuzzed";
  graph_.opset = 13;
}

ValueId GraphBuilder::any_value() {
  if (values_.empty()) return kNoValue;
  // The latest more often, so that chains grow.
  return bytes_.once_in(2) ? bytes_.one_of(values_) : values_.back();
}

ValueId GraphBuilder::any_of_rank(int rank) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const ValueId id = any_value();
    if (id != kNoValue && is_float(id) && shape(id).rank() == rank) return id;
  }
  return kNoValue;
}

ValueId GraphBuilder::any_exact() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const ValueId id = any_value();
    if (id != kNoValue && is_float(id) && is_exact(id)) return id;
  }
  return graph_.inputs.front();
}

template <typename T>
ValueId GraphBuilder::add_constant(DataType type, const Shape& extents, const std::vector<T>& numbers) {
  const Result<ValueId> id = graph_.add_constant("k", type, extents, std::as_bytes(std::span(numbers)));
  require_ok(id, "out of memory");
  exact_.resize(graph_.value_count(), 1);
  return *id;
}

ValueId GraphBuilder::constant(const Shape& extents, float low, float high) {
  std::vector<float> numbers;
  Noise noise(bytes_);
  for (std::int64_t i = 0; i < extents.elements(); ++i)
    numbers.push_back(low + (high - low) * static_cast<float>(noise.next()) / (1 << 24));
  return add_constant(DataType::f32, extents, numbers);
}

ValueId GraphBuilder::scalar(float value) {
  return constant(bytes_.once_in(4) ? Shape{1} : Shape{}, value, value);
}

ValueId GraphBuilder::integers(const Integers& numbers) {
  return add_constant(DataType::s64, Shape{static_cast<std::int64_t>(numbers.size())}, numbers);
}

ValueId GraphBuilder::whole_numbers(const Shape& extents, std::int64_t low, std::int64_t high) {
  Integers numbers;
  Noise noise(bytes_);
  for (std::int64_t i = 0; i < extents.elements(); ++i)
    numbers.push_back(low + (high < low ? 0 : noise.next() % (high - low + 1)));
  return add_constant(DataType::s64, extents, numbers);
}

ValueId GraphBuilder::stored(const Shape& extents, std::uint8_t value) {
  const auto count = static_cast<std::size_t>(extents.elements());
  return add_constant(DataType::u8, extents, std::vector<std::uint8_t>(count, value));
}

ValueId GraphBuilder::stored(const Shape& extents) {
  std::vector<std::uint8_t> numbers;
  Noise noise(bytes_);
  for (std::int64_t i = 0; i < extents.elements(); ++i)
    numbers.push_back(static_cast<std::uint8_t>(noise.next() >> 8));
  return add_constant(DataType::u8, extents, numbers);
}

ValueId GraphBuilder::real(ValueId id) {
  if (id == kNoValue || !is_exact(id)) return kNoValue;
  return add(Op::cast, {id}, with("to", std::string("f32")));
}

ValueId GraphBuilder::add(Op op, std::vector<ValueId> inputs, Attributes attributes, std::size_t outputs) {
  for (ValueId input : inputs) {
    if (input == kNoValue || !graph_.value(input).shape) return kNoValue;
  }
  Node node;
  node.op = op;
  node.id = "n" + std::to_string(graph_.node_count());
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  const bool exact = stays_exact(graph_, node) && std::all_of(node.inputs.begin(), node.inputs.end(),
                                                              [&](ValueId input) { return is_exact(input); });
  for (std::size_t i = 0; i < outputs; ++i) {
    Value value;
    value.name = "v" + std::to_string(graph_.value_count());
    node.outputs.push_back(graph_.add_value(std::move(value)));
  }
  const std::vector<ValueId> made = node.outputs;
  const NodeId id = graph_.add_node(std::move(node));
  graph::PassContext context;
  context.limits.tensor_elements = kMostElements;
  graph::NodeView view(graph_, id, context);
  const graph::Rule rule = graph::operator_info(op).rule;
  const bool valid =
      rule != nullptr && graph::operator_info(view.node().op).rule(view) && graph::follow_data(view);
  exact_.resize(graph_.value_count(), exact ? 1 : 0);
  if (!valid) {
    graph_.remove_node(id);
    return kNoValue;
  }
  graph::infer_numbers(view);
  for (ValueId value : made) {
    if (!graph_.value(value).shape) continue;  // an output that the operator has rewritten
    values_.push_back(value);
  }
  require(graph_.value(made.front()).shape.has_value(), "a rule that succeeds leaves a shape out");
  return made.front();
}

void GraphBuilder::add_input() {
  Value value;
  value.name = "x" + std::to_string(graph_.inputs.size());
  value.type = DataType::f32;
  Shape extents{bytes_.once_in(4) ? 2 : 1, bytes_.number(1, 6)};
  if (!bytes_.once_in(3)) {
    for (auto more = bytes_.once_in(4) ? bytes_.number(1, 3) : 2; more > 0; --more)
      extents.push_back(bytes_.number(1, 7));
  }
  value.shape = extents;
  graph_.inputs.push_back(graph_.add_value(std::move(value)));
  values_.push_back(graph_.inputs.back());
  exact_.resize(graph_.value_count(), 1);
}

ValueId GraphBuilder::operand_beside(const Shape& extents) {
  const int rank = extents.rank();
  Shape chosen;
  switch (bytes_.number(0, 5)) {
    case 0:
      return any_value();
    case 1:
      return scalar(static_cast<float>(bytes_.number(-8, 8)) / 4);
    case 2:  // one number per channel
      for (int axis = 1; axis < rank; ++axis) chosen.push_back(axis == 1 ? extents[1] : 1);
      break;
    case 3:
      if (rank > 0) chosen.push_back(extents[rank - 1]);
      break;
    case 4:
      chosen = extents;
      break;
    default:
      for (int axis = static_cast<int>(bytes_.number(0, rank)); axis < rank; ++axis)
        chosen.push_back(bytes_.once_in(2) ? 1 : extents[axis]);
  }
  return constant(chosen, 0.25f, 2);
}

}  // namespace fettle::fuzz
