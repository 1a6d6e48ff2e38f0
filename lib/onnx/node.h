// SPDX-License-Identifier: Apache-2.0
//
// ONNX nodes to graph nodes: names to operators, attributes to attributes. What differs between opsets and
// cannot wait for shapes is evened out here.
#pragma once

#include "lib/onnx/contrib.h"
#include "lib/onnx/scope.h"

#include <onnx.pb.h>

#include <cstddef>
#include <string>
#include <vector>

namespace fettle::onnx_import {

class NodeImporter {
 public:
  NodeImporter(Scope& scope, ImportState& state, std::vector<graph::Problem>& problems)
      : graph_(scope.graph()), scope_(scope), state_(state), problems_(problems) {}

  /// Adds the node under `id`. What cannot be run is noted as a problem and not added: its results then are
  /// values that nothing makes, of unknown shape. Errors are damage.
  Status import(const onnx::NodeProto& node, const std::string& id);

 private:
  void problem(const std::string& reason) {
    problems_.push_back({id_, node_->op_type(), reason, static_cast<graph::NodeId>(graph_.node_count())});
  }
  Status read_attributes(graph::Node& target);
  Status read_attribute(const onnx::AttributeProto& attribute, graph::Node& target);
  bool check_words(const onnx::AttributeProto& attribute, Op op);
  Status read_operands(graph::Node& target);
  // The values that the node names, kNoValue where one is left out. Those that nothing can use are problems
  // of a node that computes with them.
  Status find_operands(std::vector<graph::ValueId>& operands, bool computes = true);
  // Notes a problem where nothing can use the value, which is operand `input`.
  void check_usable(std::size_t input, const std::string& name, graph::ValueId value);
  Status add_outputs(std::vector<graph::ValueId>& outputs);
  static void drop_unnamed(graph::Node& target);
  Status import_constant();
  Status import_contrib(const ContribOperator& op);
  // The function of the file that the node names; null where there is none.
  const onnx::FunctionProto* called_function() const;
  Status import_call(const onnx::FunctionProto& function);
  Status import_control(graph::Node target);
  Status read_control_operands(graph::Node& target);
  Status import_subgraph(const onnx::GraphProto& source, graph::Node& target,
                         std::vector<graph::ValueId>& captures);
  Status check_control(const graph::Node& target, std::size_t operands) const;
  void add_softmax(graph::Node node);
  void add_chain(graph::Node node);
  void add_qlinear(graph::Node node);
  graph::ValueId add_dequantize(const std::string& id, std::vector<graph::ValueId> inputs, std::int64_t axis);
  graph::ValueId new_value();
  void finish(graph::Node node);

  graph::Graph& graph_;
  Scope& scope_;
  ImportState& state_;
  std::vector<graph::Problem>& problems_;
  const onnx::NodeProto* node_ = nullptr;
  std::string id_;
  std::size_t known_problems_ = 0;  // before this node
};

/// Imports all nodes of a graph, each under an id of its own. Errors as for one, and kLimitExceeded.
Status import_nodes(const onnx::GraphProto& source, Scope& scope, ImportState& state,
                    std::vector<graph::Problem>& problems);

}  // namespace fettle::onnx_import
