// SPDX-License-Identifier: Apache-2.0
//
// MatMul takes in what exporters write around it: transposes of its operands and of its result, which become
// the order in which it reads and writes, and the addition of a bias.
#include "lib/graph/passes.h"

#include <utility>

namespace fettle::graph {
namespace {

constexpr std::size_t kBias = 2;

// A product in f32 of matrices whose extents do not depend on data, with nothing behind it yet.
bool is_plain_product(const Graph& graph, const Node& node) {
  if (node.removed || node.op != Op::matmul || node.clamp || node.attributes.has("dynamic_type"))
    return false;
  const auto is_matrix = [&](ValueId id) {
    const Value& value = graph.value(id);
    return value.type == DataType::f32 && value.shape && value.bounded == 0 && value.shape->rank() >= 2;
  };
  return is_matrix(node.inputs[0]) && is_matrix(node.inputs[1]) && is_matrix(node.outputs.front());
}

// Products of dequantised numbers become quantised ones first.
bool is_dequantised(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs) {
    const NodeId producer = graph.value(id).producer;
    if (producer != kNoNode && graph.node(producer).op == Op::dequantize_linear) return true;
  }
  return false;
}

const Node* made_by_transpose(const Graph& graph, ValueId id) {
  const NodeId producer = graph.value(id).producer;
  if (producer == kNoNode || graph.node(producer).op != Op::transpose) return nullptr;
  return &graph.node(producer);
}

// Kernels read rows of the left operand in one piece, and of the right operand rows or columns.
bool is_readable(const Node& transpose, std::size_t operand) {
  const auto perm = transpose.attributes.integers("perm");
  const auto last = static_cast<std::int64_t>(perm.size()) - 1;
  return perm.back() == last || (operand == 1 && perm[perm.size() - 2] == last);
}

bool take_in_operands(Graph& graph, Node& node) {
  bool changed = false;
  constexpr const char* kNames[] = {"perm_a", "perm_b"};
  for (std::size_t operand = 0; operand < 2; ++operand) {
    const Node* transpose = made_by_transpose(graph, node.inputs[operand]);
    if (transpose == nullptr || node.attributes.has(kNames[operand]) || !is_readable(*transpose, operand))
      continue;
    const Value& before = graph.value(transpose->inputs.front());
    if (!before.shape || before.bounded != 0) continue;
    const auto perm = transpose->attributes.integers("perm");
    node.attributes.set(kNames[operand], std::vector<std::int64_t>(perm.begin(), perm.end()));
    node.inputs[operand] = transpose->inputs.front();
    changed = true;
  }
  return changed;
}

// The only node that takes the product, if there is one.
NodeId sole_follower(const Graph& graph, const Node& node) {
  return graph.sole_consumer(node.outputs.front());
}

// The product's result becomes that of the node behind it, which goes.
void take_result_of(Graph& graph, NodeId product, NodeId behind) {
  const ValueId result = graph.node(behind).outputs.front();
  const ValueId inner = graph.node(product).outputs.front();
  graph.remove_node(behind);
  graph.node(product).outputs.front() = result;
  graph.value(result).producer = product;
  graph.value(inner).producer = kNoNode;
}

// A constant with one number for each of so many columns, along the last axis of what it is added to.
bool is_bias_row(const Graph& graph, ValueId id, std::int64_t columns) {
  const Value& value = graph.value(id);
  return graph.is_constant(id) && value.type == DataType::f32 && value.shape && value.shape->rank() == 1 &&
         (*value.shape)[0] == columns;
}

bool take_in_bias(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const NodeId behind = sole_follower(graph, node);
  if (behind == kNoNode || node.inputs.size() > kBias || node.attributes.has("perm_y")) return false;
  const Node& add = graph.node(behind);
  if (add.op != Op::add || add.clamp || add.inputs.size() != 2 || add.inputs[0] == add.inputs[1])
    return false;
  const ValueId product = node.outputs.front();
  const ValueId bias = add.inputs[add.inputs[0] == product ? 1 : 0];
  const Shape& shape = *graph.value(product).shape;
  if (!is_bias_row(graph, bias, shape[shape.rank() - 1])) return false;
  graph.node(id).inputs.push_back(bias);
  take_result_of(graph, id, behind);
  return true;
}

bool take_in_result(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const NodeId behind = sole_follower(graph, node);
  if (behind == kNoNode || node.attributes.has("perm_y")) return false;
  const Node& transpose = graph.node(behind);
  if (transpose.op != Op::transpose || !is_readable(transpose, 0)) return false;
  const auto perm = transpose.attributes.integers("perm");
  graph.node(id).attributes.set("perm_y", std::vector<std::int64_t>(perm.begin(), perm.end()));
  take_result_of(graph, id, behind);
  return true;
}

}  // namespace

Result<bool> fuse_products(Graph& graph, PassContext&) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!is_plain_product(graph, graph.node(id)) || is_dequantised(graph, graph.node(id))) continue;
    changed = take_in_operands(graph, graph.node(id)) || changed;
    changed = take_in_bias(graph, id) || changed;
    changed = take_in_result(graph, id) || changed;
  }
  return changed;
}

}  // namespace fettle::graph
