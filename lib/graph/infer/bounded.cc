// SPDX-License-Identifier: Apache-2.0
//
// Extents that depend on data: what they are at most, and which nodes can follow them.
#include "lib/graph/infer/infer.h"

#include "lib/base/extents.h"

#include <algorithm>
#include <limits>

namespace fettle::graph {
namespace {

TensorDesc bounds_of(const Value& value) {
  TensorDesc desc;
  desc.shape = *value.shape;
  desc.bounded = value.bounded;
  return desc;
}

// Whether anything about the results of a node may depend on data.
bool depends_on_data(const Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && graph.value(node.inputs[i]).bounded != 0) return true;
  }
  return node.op == Op::select;
}

}  // namespace

bool follow_data(NodeView& view) {
  Graph& graph = view.graph();
  if (!depends_on_data(graph, view.node())) return true;
  LayerDesc layer;
  LayerPart& part = layer.parts.emplace_back();
  part.op = view.node().op;
  part.attributes = view.node().attributes;
  for (const ValueId input : view.node().inputs) {
    part.operands.push_back(input == kNoValue ? kNoOperand : static_cast<int>(layer.inputs.size()));
    if (input != kNoValue) layer.inputs.push_back(bounds_of(graph.value(input)));
  }
  std::vector<std::size_t> outputs;
  for (std::size_t i = 0; i < view.node().outputs.size(); ++i) {
    const ValueId output = view.node().outputs[i];
    if (output == kNoValue || !graph.value(output).shape) continue;
    layer.outputs.push_back(bounds_of(graph.value(output)));
    outputs.push_back(i);
  }
  if (const char* wrong = follow_extents(layer, {}))
    return view.fail(std::string("the size of an operand depends on the data: ") + wrong);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorDesc& result = layer.outputs[i];
    const DataType type = graph.value(view.node().outputs[outputs[i]]).type;
    if (!view.set_bounded(outputs[i], result.shape, type, result.bounded)) return false;
  }
  return true;
}

bool NodeView::set_bounded(std::size_t output, const Shape& shape, DataType type, std::uint8_t bounded) {
  if (!set(output, shape, type)) return false;
  if (output < node().outputs.size() && node().outputs[output] != kNoValue)
    graph_.value(node().outputs[output]).bounded = bounded;
  return true;
}

bool NodeView::set_found(std::size_t output, const Shape& shape, DataType type, std::uint8_t bounded,
                         std::size_t extents) {
  return set_bounded(output, shape, type, bounded) && set(extents, Shape{shape.rank()}, DataType::s64);
}

std::optional<Shape> NodeView::broadcast_inputs(std::initializer_list<std::size_t> inputs) {
  std::optional<TensorDesc> all;
  std::string shapes;
  for (const std::size_t i : inputs) {
    const TensorDesc next = bounds_of(graph_.value(node().inputs[i]));
    shapes += (shapes.empty() ? "" : " and ") + next.shape.text();
    all = all ? broadcast_bounded(*all, next) : next;
    if (!all) break;
  }
  if (!all) {
    fail("shapes " + shapes + " cannot be broadcast");
    return std::nullopt;
  }
  return all->shape;
}

std::vector<Interval> NodeView::numbers(std::size_t i) {
  const Value& value = graph_.value(node().inputs[i]);
  if (value.bounded != 0) return {};
  std::vector<Interval> known = numbers_of(value);
  const auto count = static_cast<std::size_t>(value.shape->elements());
  if (known.size() == 1 && count <= kFollowedNumbers) known.resize(count, Interval(known.front()));
  return known;
}

bool NodeView::stands_alone(std::size_t output) {
  return context_.alone && graph_.value(node().outputs[output]).shape.has_value();
}

bool NodeView::shape_within(std::span<const Interval> extents, std::size_t from, TensorDesc& result) {
  if (extents.size() > kMaxRank) return fail(kTooManyDimensions);
  constexpr double kMost = 0x1p48;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Interval extent = extents[i];
    if (extent.high < 0 || (extent.low < 0 && extent.low == extent.high))
      return fail("a dimension is negative");
    if (!(extent.high <= kMost)) {
      return fail("extent " + std::to_string(i) + " of the result has no bound (" +
                  graph_.value(node().inputs[from]).name +
                  " says it); bind what decides it to a constant, or export the model with Min of it and the "
                  "most there can be");
    }
    result.shape.push_back(static_cast<std::int64_t>(extent.high));
    fettle::set_bounded(result, static_cast<int>(i), extent.low != extent.high);
  }
  return true;
}

bool NodeView::computed_shape(std::size_t i, TensorDesc& result) {
  std::vector<Interval> extents = numbers(i);
  const Interval anything{0, std::numeric_limits<double>::infinity()};
  extents.resize(static_cast<std::size_t>(shape(i).elements()), anything);
  return shape_within(extents, i, result);
}

bool NodeView::set_computed(std::size_t output, std::span<const Interval> extents, DataType type,
                            std::size_t from) {
  TensorDesc result;
  return shape_within(extents, from, result) && set_bounded(output, result.shape, type, result.bounded);
}

bool NodeView::add_operand(std::string_view name, std::span<const std::int64_t> values) {
  Result<ValueId> constant =
      graph_.add_constant(node().id + "." + std::string(name), DataType::s64,
                          Shape{static_cast<std::int64_t>(values.size())}, std::as_bytes(values));
  if (!constant) return fail("out of memory");
  node().inputs.push_back(*constant);
  return true;
}

}  // namespace fettle::graph
