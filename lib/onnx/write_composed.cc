// SPDX-License-Identifier: Apache-2.0
//
// Operators that ONNX has no node for, or only since late opsets: written in the parts that exporters write.
#include "lib/onnx/write_node.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace fettle::onnx_export {
namespace {

using Order = std::vector<std::int64_t>;

constexpr std::int64_t kOpsetOfGelu = 20;
constexpr std::int64_t kOpsetOfRmsNorm = 23;

// The order of a node's attribute, else that of `rank` axes as they are.
Order order_of(const NodeParts& parts, std::string_view attribute, int rank) {
  Order order = parts.integers(attribute);
  if (order.empty()) {
    order.resize(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
  }
  return order;
}

std::string turned(const NodeParts& parts, const Order& order, std::string_view suffix,
                   const std::string& value) {
  if (std::is_sorted(order.begin(), order.end())) return value;
  return parts.step("Transpose", suffix, {value}, with("perm", order));
}

Attributes without(Attributes attributes, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) attributes.erase(name);
  return attributes;
}

// The node's last part, and behind it the transpose that belongs to the first result.
void finish_in_order(const NodeParts& parts, std::string_view op, const Names& operands,
                     const Attributes& attributes = {}) {
  const Order order = parts.integers("perm_y");
  if (order.empty()) {
    parts.last(op, operands, attributes);
    return;
  }
  Names results = parts.outputs;
  results.front() = parts.file.new_name(parts.named(".unordered"));
  parts.file.add(op, parts.node.id, operands, results, attributes);
  parts.file.add("Transpose", parts.named(".transpose"), {results.front()}, {parts.outputs.front()},
                 with("perm", order));
}

}  // namespace

std::string in_order(const NodeParts& parts, std::string_view attribute, std::string_view suffix,
                     const std::string& value) {
  const Order order = parts.integers(attribute);
  return order.empty() ? value : parts.step("Transpose", suffix, {value}, with("perm", order));
}

// x * 0.5 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for the approximation.
void write_gelu(NodeParts& parts) {
  const bool by_tanh = parts.node.op == Op::gelu_tanh;
  if (parts.file.opset() >= kOpsetOfGelu) {
    parts.last("Gelu", parts.inputs, by_tanh ? with("approximate", std::string("tanh")) : Attributes());
    return;
  }
  const std::string& x = parts.inputs.front();
  const auto number = [&](float value) { return parts.file.real("number", value, parts.operand(0).type); };
  if (number(1).empty()) return parts.refuse("the type is none of real numbers");
  std::string gate;
  if (by_tanh) {
    const std::string square = parts.step("Mul", ".square", {x, x});
    const std::string cube = parts.step("Mul", ".cube", {square, x});
    const std::string cubic = parts.step("Mul", ".cubic", {cube, number(0.044715f)});
    const std::string sum = parts.step("Add", ".sum", {x, cubic});
    const std::string scaled = parts.step("Mul", ".scaled", {sum, number(0.79788456080286535588f)});
    gate = parts.step("Tanh", ".tanh", {scaled});
  } else {
    const std::string scaled = parts.step("Div", ".scaled", {x, number(1.41421356237309504880f)});
    gate = parts.step("Erf", ".erf", {scaled});
  }
  const std::string above = parts.step("Add", ".gate", {gate, number(1)});
  const std::string gated = parts.step("Mul", ".gated", {x, above});
  parts.last("Mul", {gated, number(0.5f)});
}

void write_swish(NodeParts& parts) {
  const std::string gate = parts.step("Sigmoid", ".gate", {parts.inputs.front()});
  parts.last("Mul", {parts.inputs.front(), gate});
}

// x / sqrt(mean(x^2) + epsilon) * scale
void write_rms_norm(NodeParts& parts) {
  if (parts.file.opset() >= kOpsetOfRmsNorm) {
    parts.last("RMSNormalization", parts.inputs, parts.node.attributes);
    return;
  }
  if (parts.node.outputs.size() > 1) return parts.refuse("it has more than one result");
  const std::string& x = parts.inputs.front();
  const std::string epsilon =
      parts.file.real(parts.named(".epsilon"), parts.node.attributes.real("epsilon"), parts.operand(0).type);
  if (epsilon.empty()) return parts.refuse("the type is none of real numbers");
  Order axes;
  for (std::int64_t axis = parts.node.attributes.integer("axis"); axis < parts.operand(0).shape->rank();
       ++axis)
    axes.push_back(axis);
  const std::string square = parts.step("Mul", ".square", {x, x});
  const std::string mean = reduced(parts, "ReduceMean", ".mean", square, axes, true);
  const std::string sum = parts.step("Add", ".sum", {mean, epsilon});
  const std::string root = parts.step("Sqrt", ".root", {sum});
  const std::string normal = parts.step("Div", ".normal", {x, root});
  parts.last("Mul", {normal, parts.input(1)});
}

// Channels as a matrix with a row a group, transposed.
void write_channel_shuffle(NodeParts& parts) {
  const Shape& x = *parts.operand(0).shape;
  const std::int64_t groups = parts.node.attributes.integer("group");
  if (x.rank() >= kMaxRank) return parts.refuse("its operand has as many dimensions as there can be");
  Order extents{x[0], groups, x[1] / groups};
  Order perm{0, 2, 1};
  for (int axis = 2; axis < x.rank(); ++axis) {
    extents.push_back(x[axis]);
    perm.push_back(axis + 1);
  }
  const std::string grouped = parts.step(
      "Reshape", ".grouped", {parts.input(0), parts.file.integers(parts.named(".groups"), extents)});
  const std::string shuffled = parts.step("Transpose", ".shuffled", {grouped}, with("perm", perm));
  parts.last("Reshape", {shuffled, parts.file.integers(parts.named(".shape"), x.dims())});
}

// A product with the transposes and the bias that are part of it.
void write_matmul(NodeParts& parts) {
  const std::string a = in_order(parts, "perm_a", ".a", parts.input(0));
  const std::string b = in_order(parts, "perm_b", ".b", parts.input(1));
  if (parts.input(2).empty()) return finish_in_order(parts, "MatMul", {a, b});
  // The product has the id, as where an exporter wrote both.
  const std::string product = parts.file.new_name(parts.named(".product"));
  parts.file.add("MatMul", parts.node.id, {a, b}, {product});
  const Order order = parts.integers("perm_y");
  const std::string sum =
      order.empty() ? parts.outputs.front() : parts.file.new_name(parts.named(".unordered"));
  parts.file.add("Add", parts.named(".bias"), {product, parts.input(2)}, {sum});
  if (!order.empty())
    parts.file.add("Transpose", parts.named(".transpose"), {sum}, {parts.outputs.front()},
                   with("perm", order));
}

bool is_plain_attention(const graph::Graph& graph, const graph::Node& node) {
  const Attributes& a = node.attributes;
  const bool masked = node.inputs.size() > 3 && node.inputs[3] != graph::kNoValue;
  const bool counted = node.inputs.size() > 4 && node.inputs[4] != graph::kNoValue;
  if (a.integer("is_causal") != 0 || a.integer("left_window_size", -1) >= 0 ||
      a.integer("right_window_size", -1) >= 0 || a.real("softcap") != 0 || counted ||
      node.outputs.size() > 1 || (masked && a.integer("plain_softmax") == 0))
    return false;
  // Several heads of queries may share one of keys, which MatMul broadcasts, but not one of some.
  const auto heads = [&](std::size_t input, std::string_view attribute) {
    const auto order = a.integers(attribute);
    return (*graph.value(node.inputs[input]).shape)[order.empty() ? 1 : static_cast<int>(order[1])];
  };
  const auto one_for_each = [&](std::int64_t count) { return count == heads(0, "perm_q") || count == 1; };
  return one_for_each(heads(1, "perm_k")) && one_for_each(heads(2, "perm_v"));
}

void write_attention(NodeParts& parts) {
  const Attributes& a = parts.node.attributes;
  constexpr int kAxes = 4;
  const std::string q = in_order(parts, "perm_q", ".queries", parts.input(0));
  if (is_plain_attention(parts.file.graph(), parts.node)) {
    const std::string scale = parts.file.real(parts.named(".scale"), a.real("scale"), parts.operand(0).type);
    if (scale.empty()) return parts.refuse("the type is none of real numbers");
    Order across = order_of(parts, "perm_k", kAxes);
    std::swap(across[2], across[3]);
    const std::string k = turned(parts, across, ".keys", parts.input(1));
    const std::string v = in_order(parts, "perm_v", ".values", parts.input(2));
    std::string scores = parts.step("MatMul", ".scores", {q, k});
    scores = parts.step("Mul", ".scaled", {scores, scale});
    if (parts.has(3)) scores = parts.step("Add", ".masked", {scores, parts.input(3)});
    const std::string weights =
        parts.step("Softmax", ".weights", {scores}, with("axis", std::int64_t{kAxes - 1}));
    return finish_in_order(parts, "MatMul", {weights, v});
  }
  if (a.integer("plain_softmax") != 0)
    return parts.refuse("heads of keys are shared by some of the queries, and -inf does not hide keys");
  const bool windowed = a.integer("left_window_size", -1) >= 0 || a.integer("right_window_size", -1) >= 0;
  if (a.integer("offset") != 0 && (windowed || a.integer("is_causal") != 0))
    return parts.refuse("queries begin behind the first key, which ONNX says by the keys of earlier calls");
  const std::string k = in_order(parts, "perm_k", ".keys", parts.input(1));
  const std::string v = in_order(parts, "perm_v", ".values", parts.input(2));
  Attributes attributes = without(a, {"perm_q", "perm_k", "perm_v", "perm_y", "offset", "plain_softmax"});
  if (!windowed) attributes = without(std::move(attributes), {"left_window_size", "right_window_size"});
  Names operands{q, k, v, parts.input(3), "", "", parts.input(4)};
  if (parts.outputs.size() < 2) return finish_in_order(parts, "Attention", operands, attributes);
  if (!parts.integers("perm_y").empty())
    return parts.refuse("its result is transposed, and it shows its scores");
  parts.file.add("Attention", parts.node.id, operands, {parts.outputs[0], "", "", parts.outputs[1]},
                 attributes);
}

}  // namespace fettle::onnx_export
