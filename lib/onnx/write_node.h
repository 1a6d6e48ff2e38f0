// SPDX-License-Identifier: Apache-2.0
//
// Nodes of a graph after passes to those of an ONNX file.
#pragma once

#include "lib/graph/graph.h"
#include "lib/onnx/file_builder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::onnx_export {

/// The least opset, of those from 17 on, that has all that the nodes and the types of a graph need.
std::int64_t needed_opset(const graph::Graph& graph);

/// Adds a node of the graph to the file. Empty, or why ONNX has nothing for it: the file is then incomplete.
std::string write_node(FileBuilder& file, const graph::Node& node);

/// The same for the operator and the clamp of a node, between operands and results of these names.
std::string write_operation(FileBuilder& file, const graph::Node& node, const Names& inputs,
                            const Names& outputs);

/// A quantised node: between DequantizeLinear and QuantizeLinear.
std::string write_quantised(FileBuilder& file, const graph::Node& node);

/// Relu, or Clip.
void write_clamp(FileBuilder& file, const std::string& id, const Clamp& clamp, const std::string& input,
                 const std::string& output);

/// What the functions for operators work with: the node, and the names that it has in the file.
struct NodeParts {
  FileBuilder& file;
  const graph::Node& node;
  const Names& inputs;
  const Names& outputs;
  std::string problem = {};

  const graph::Value& operand(std::size_t i) const { return file.graph().value(node.inputs[i]); }
  const graph::Value& result(std::size_t i = 0) const { return file.graph().value(node.outputs[i]); }
  bool has(std::size_t i) const { return i < node.inputs.size() && node.inputs[i] != graph::kNoValue; }
  /// The name of an operand; empty where it is left out.
  std::string input(std::size_t i) const { return i < inputs.size() ? inputs[i] : std::string(); }
  std::string named(std::string_view suffix) const { return node.id + std::string(suffix); }
  std::vector<std::int64_t> integers(std::string_view name) const {
    const auto list = node.attributes.integers(name);
    return {list.begin(), list.end()};
  }

  /// A node before the last, whose result is returned.
  std::string step(std::string_view op, std::string_view suffix, const Names& operands,
                   const Attributes& attributes = {}) const {
    std::string made = file.new_name(named(suffix));
    file.add(op, named(suffix), operands, {made}, attributes);
    return made;
  }
  /// The node that gives the results, and has the id.
  onnx::NodeProto& last(std::string_view op, const Names& operands, const Attributes& attributes = {}) const {
    return file.add(op, node.id, operands, outputs, attributes);
  }
  void refuse(std::string reason) {
    if (problem.empty()) problem = std::move(reason);
  }
};

/// Attributes with one entry.
template <typename T>
Attributes with(std::string_view name, T value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

/// A value with its axes in the order that an attribute of the node names, if it has it.
std::string in_order(const NodeParts& parts, std::string_view attribute, std::string_view suffix,
                     const std::string& value);
/// A reduction, which takes its axes as the opset has it. `suffix`: see NodeParts::step; empty for the last.
std::string reduced(const NodeParts& parts, std::string_view op, std::string_view suffix,
                    const std::string& input, const std::vector<std::int64_t>& axes, bool keeps);

// Operators that become several nodes (write_composed.cc).
void write_gelu(NodeParts& parts);
void write_swish(NodeParts& parts);
void write_rms_norm(NodeParts& parts);
void write_channel_shuffle(NodeParts& parts);
void write_matmul(NodeParts& parts);
void write_attention(NodeParts& parts);
/// Whether MatMul and Softmax do as much as the node.
bool is_plain_attention(const graph::Graph& graph, const graph::Node& node);

// LSTM, GRU and RNN (write_recurrent.cc).
void write_recurrent(NodeParts& parts);

// Operators that move elements (write_movement.cc).
void write_slice(NodeParts& parts);
void write_pad(NodeParts& parts);
void write_reshape(NodeParts& parts);
void write_resize(NodeParts& parts);
void write_expand(NodeParts& parts);
void write_select(NodeParts& parts);
void write_max_unpool(NodeParts& parts);

}  // namespace fettle::onnx_export
