// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"
#include "lib/base/op_names.h"

#include <algorithm>

namespace fettle::graph {

std::optional<std::vector<std::int64_t>> NodeView::integers(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  std::vector<std::int64_t> result;
  if (value.type == DataType::s64) {
    const auto values = value.constant->values<std::int64_t>();
    result.assign(values.begin(), values.end());
  } else if (value.type == DataType::s32) {
    const auto values = value.constant->values<std::int32_t>();
    result.assign(values.begin(), values.end());
  } else {
    return std::nullopt;
  }
  return result;
}

std::optional<std::vector<float>> NodeView::reals(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  if (value.type != DataType::f32) return std::nullopt;
  const auto values = value.constant->values<float>();
  return std::vector<float>(values.begin(), values.end());
}

bool NodeView::parameter(std::string_view attribute, std::size_t input,
                         std::optional<std::vector<std::int64_t>>& result) {
  if (has(input)) {
    result = integers(input);
    return result.has_value() || fail("input " + std::to_string(input) + " (" + std::string(attribute) +
                                      ") must be constant integers");
  }
  if (attributes().has(attribute)) {
    const auto values = attributes().integers(attribute);
    result.emplace(values.begin(), values.end());
  }
  return true;
}

bool NodeView::normal_axis(std::int64_t& axis, int rank, int beyond) {
  if (axis < -static_cast<std::int64_t>(rank) - beyond || axis >= rank + beyond) {
    return fail("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  }
  if (axis < 0) axis += rank + beyond;
  return true;
}

bool NodeView::normal_axes(std::vector<std::int64_t>& axes, int rank) {
  for (std::int64_t& axis : axes) {
    if (!normal_axis(axis, rank)) return false;
  }
  std::vector<std::int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  return expect(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "an axis is named twice");
}

bool NodeView::set(std::size_t output, const Shape& shape, DataType type) {
  if (output >= node().outputs.size() || node().outputs[output] == kNoValue) return true;
  const std::optional<std::int64_t> elements =
      checked_elements(shape.dims(), context_.limits.tensor_elements);
  if (!elements || !checked_bytes(*elements, type))
    return fail("the result " + shape.text() + " is larger than the limits allow");
  Value& value = graph_.value(node().outputs[output]);
  value.shape = shape;
  value.type = type;
  value.bounded = 0;
  return true;
}

std::optional<std::int64_t> NodeView::integer(std::size_t i) {
  const auto values = integers(i);
  if (!values || values->size() != 1) return std::nullopt;
  return values->front();
}

std::optional<bool> NodeView::truth(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i])) return std::nullopt;
  const Value& value = graph_.value(node().inputs[i]);
  if (value.type != DataType::boolean || value.constant->bytes.size() != 1) return std::nullopt;
  return value.constant->bytes.front() != std::byte{0};
}

bool NodeView::is_zero(std::size_t i) {
  if (!has(i) || !graph_.is_constant(node().inputs[i]) || shape(i).elements() != 1) return false;
  const std::span<const std::byte> bytes = graph_.value(node().inputs[i]).constant->bytes;
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

DataType NodeView::take_type(std::string_view attribute, DataType fallback) {
  if (!attributes().has(attribute)) {
    const DataType known = graph_.value(node().outputs[0]).type;  // by an earlier round
    return known == DataType::undefined ? fallback : known;
  }
  const DataType type = data_type_from_string(attributes().string(attribute));
  attributes().erase(attribute);
  return type;
}

ValueId NodeView::add(Op op, const char* suffix, std::vector<ValueId> inputs, const Shape& shape,
                      DataType type, Attributes attributes) {
  Value value;
  value.name = node().id + suffix + "#" + std::to_string(graph_.value_count());
  value.type = type;
  value.shape = shape;
  const ValueId output = graph_.add_value(std::move(value));
  Node made;
  made.op = op;
  made.id = context_.ids(graph_).take(node().id + suffix);
  made.attributes = std::move(attributes);
  made.inputs = std::move(inputs);
  made.outputs = {output};
  NodeView view(graph_, graph_.add_node(std::move(made)), context_);
  follow_data(view);
  return output;
}

std::optional<Shape> NodeView::in_order(const Shape& shape, std::string_view perm) {
  if (!attributes().has(perm)) return shape;
  const auto order = attributes().integers(perm);
  std::array<bool, kMaxRank> seen{};
  Shape permuted;
  for (const std::int64_t axis : order) {
    if (axis < 0 || axis >= shape.rank() || seen[static_cast<std::size_t>(axis)]) break;
    seen[static_cast<std::size_t>(axis)] = true;
    permuted.push_back(shape[static_cast<int>(axis)]);
  }
  const bool whole = permuted.rank() == shape.rank() &&
                     order.size() == static_cast<std::size_t>(shape.rank()) && shape.rank() >= 2;
  if (!expect(whole, "an attribute of transposes (perm_...) is no order of the axes of a matrix"))
    return std::nullopt;
  return permuted;
}

ValueId NodeView::scalar(float value, DataType type) {
  Result<ValueId> constant =
      graph_.add_constant(node().id, DataType::f32, Shape{}, std::as_bytes(std::span(&value, 1)));
  if (!constant) {
    fail("out of memory");
    return kNoValue;
  }
  if (type == DataType::f32) return *constant;
  Attributes attributes;
  attributes.set("to", std::string(to_string(type)));
  return add(Op::cast, ".scalar", {*constant}, Shape{}, type, std::move(attributes));
}

void NodeView::reshape_input(std::size_t i, const Shape& shape) {
  const Value& value = graph_.value(node().inputs[i]);
  if (value.constant) {
    Value copy = value;
    copy.name += "#" + std::to_string(graph_.value_count());
    copy.shape = shape;
    node().inputs[i] = graph_.add_value(std::move(copy));
  } else {
    const ValueId reshaped = add(Op::reshape, ".reshape", {node().inputs[i]}, shape, value.type);
    node().inputs[i] = reshaped;
  }
}

void NodeView::complete_outputs(std::size_t count) {
  node().outputs.resize(std::max(count, node().outputs.size()), kNoValue);
  for (std::size_t i = 0; i < count; ++i) {
    if (node().outputs[i] != kNoValue) continue;
    Value value;
    value.name = node().id + "#" + std::to_string(graph_.value_count());
    value.producer = id_;
    const ValueId added = graph_.add_value(std::move(value));
    node().outputs[i] = added;
  }
}

bool NodeView::fail(std::string reason) {
  const std::string_view known = onnx_name(node().op);
  const std::string_view name = known.empty() ? to_string(node().op) : known;
  context_.problems.push_back({node().id, std::string(name), std::move(reason)});
  return false;
}

void become_empty_constant(Value& value) {
  value.producer = kNoNode;
  value.constant = std::make_shared<Constant>();
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int axis = 0; axis < rank; ++axis) {
    const int i = axis - (rank - a.rank());
    const int j = axis - (rank - b.rank());
    const std::int64_t left = i < 0 ? 1 : a[i];
    const std::int64_t right = j < 0 ? 1 : b[j];
    if (left != right && left != 1 && right != 1) return std::nullopt;
    result.push_back(left == 1 ? right : left);
  }
  return result;
}

}  // namespace fettle::graph
