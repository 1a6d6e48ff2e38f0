// SPDX-License-Identifier: Apache-2.0
//
// ONNX nodes to graph nodes: names to operators, attributes to attributes. What differs between opsets and
// cannot wait for shapes is evened out here.
#pragma once

#include "lib/graph/passes.h"

#include <fettle/model.h>

#include <onnx.pb.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace fettle::onnx_import {

using ValueNames = std::unordered_map<std::string, graph::ValueId>;

class NodeImporter {
 public:
  NodeImporter(graph::Graph& graph, ValueNames& values, const ModelLimits& limits,
               std::vector<graph::Problem>& problems)
      : graph_(graph), values_(values), limits_(limits), problems_(problems) {}

  /// Adds the node under `id`. What cannot be run is noted as a problem; errors are damage.
  Status import(const onnx::NodeProto& node, const std::string& id);

 private:
  void problem(const std::string& reason) { problems_.push_back({id_, node_->op_type(), reason}); }
  Status read_attributes(graph::Node& target);
  Status read_attribute(const onnx::AttributeProto& attribute, graph::Node& target);
  Status read_operands(graph::Node& target);
  Status add_outputs(std::vector<graph::ValueId>& outputs);
  static void drop_unnamed(graph::Node& target);
  Status import_constant();
  void add_softmax(graph::Node node);
  void add_chain(graph::Node node);
  graph::ValueId new_value();
  void finish(graph::Node node);

  graph::Graph& graph_;
  ValueNames& values_;
  const ModelLimits& limits_;
  std::vector<graph::Problem>& problems_;
  const onnx::NodeProto* node_ = nullptr;
  std::string id_;
};

}  // namespace fettle::onnx_import
