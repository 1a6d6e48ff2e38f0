// SPDX-License-Identifier: Apache-2.0
//
// If, Loop and Scan: their graphs become graphs inside the node. What they name of the graphs around them
// becomes an input of the node. Conditions and trip counts are known later, when passes run.
#include "lib/onnx/node.h"
#include "lib/onnx/tensor.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace fettle::onnx_import {
namespace {

using graph::ValueId;
using onnx::AttributeProto;

// The first opset in which Scan has no batch axis.
constexpr std::int64_t kScanWithoutBatch = 9;

std::vector<std::string> body_names(Op op) {
  return op == Op::branch ? std::vector<std::string>{"then_branch", "else_branch"}
                          : std::vector<std::string>{"body"};
}

// The graph's own inputs: those that come from the node.
Status read_inputs(const onnx::GraphProto& source, const std::string& id, Scope& scope,
                   std::vector<graph::Problem>& problems) {
  for (const onnx::ValueInfoProto& input : source.input()) {
    // Files of old versions list initialisers among the inputs.
    if (scope.contains(input.name())) continue;
    // Files need not say more than the name here.
    if (const std::string reason = unusable(input.type()); input.has_type() && !reason.empty())
      problems.push_back({id, "body", "input " + input.name() + " " + reason});
    graph::Value value;
    value.name = input.name();
    if (Status status = scope.define(std::move(value)); !status) return status;
    scope.graph().inputs.push_back(scope.find(input.name()));
  }
  return {};
}

// What the file says of a result, if that is all that there is to say.
std::optional<graph::Subgraph::Declared> declared(const onnx::ValueInfoProto& output) {
  const onnx::TypeProto& type = output.type();
  if (!unusable(type).empty() || !type.tensor_type().has_shape()) return std::nullopt;
  graph::Subgraph::Declared result{data_type(type.tensor_type().elem_type()), {}};
  for (const auto& dim : type.tensor_type().shape().dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 0) return std::nullopt;
    result.shape.push_back(dim.dim_value());
  }
  return result;
}

Status read_outputs(const onnx::GraphProto& source, const std::string& id, Scope& scope,
                    graph::Subgraph& body) {
  for (const onnx::ValueInfoProto& output : source.output()) {
    const ValueId found = scope.find(output.name());
    if (found == graph::kNoValue)
      return invalid("the output " + output.name() + " of a graph in node " + id + " is made by no node");
    if (const std::string* reason = scope.unusable(found))
      body.problems.push_back({id, "body", "output " + output.name() + " " + *reason});
    scope.graph().outputs.push_back(found);
    body.declared.push_back(declared(output));
  }
  return {};
}

}  // namespace

Status NodeImporter::import_control(graph::Node target) {
  if (target.op == Op::scan && graph_.opset < kScanWithoutBatch) {
    problem("Scan is supported from opset " + std::to_string(kScanWithoutBatch) + " on");
    return add_outputs(target.outputs);
  }
  if (Status status = read_control_operands(target); !status) return status;
  const std::size_t operands = target.inputs.size();
  if (scope_.depth() >= kMostNesting) {
    problem("graphs are nested more than " + std::to_string(kMostNesting) + " deep");
    return add_outputs(target.outputs);
  }
  const std::vector<std::string> names = body_names(target.op);
  std::vector<const onnx::GraphProto*> sources(names.size());
  for (const AttributeProto& attribute : node_->attribute()) {
    const auto name = std::find(names.begin(), names.end(), attribute.name());
    if (name != names.end() && attribute.type() == AttributeProto::GRAPH)
      sources[static_cast<std::size_t>(name - names.begin())] = &attribute.g();
    else if (Status status = read_attribute(attribute, target); !status)
      return status;
  }
  std::vector<ValueId> captures;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == nullptr) return invalid("node " + id_ + " lacks the graph " + names[i]);
    if (Status status = import_subgraph(*sources[i], target, captures); !status) return status;
  }
  for (const ValueId capture : captures) {
    if (const std::string* reason = scope_.unusable(capture))
      problem("a graph in it uses " + graph_.value(capture).name + ", which " + *reason);
  }
  target.inputs.insert(target.inputs.end(), captures.begin(), captures.end());
  if (Status status = add_outputs(target.outputs); !status) return status;
  if (Status status = check_control(target, operands); !status) return status;
  finish(std::move(target));
  return {};
}

// By position: Loop may leave out its first two.
Status NodeImporter::read_control_operands(graph::Node& target) {
  const std::size_t optional = target.op == Op::loop ? 2 : 0;
  for (const std::string& name : node_->input()) {
    const ValueId found = name.empty() ? graph::kNoValue : scope_.find(name);
    if (found == graph::kNoValue && (!name.empty() || target.inputs.size() >= optional)) {
      return name.empty() ? invalid("node " + id_ + " lacks an input")
                          : invalid("node " + id_ + " uses " + name + ", which nothing in the graph makes");
    }
    check_usable(target.inputs.size(), name, found);
    target.inputs.push_back(found);
  }
  if (target.op == Op::loop && target.inputs.size() < 2) target.inputs.resize(2, graph::kNoValue);
  if (target.inputs.empty()) return invalid("node " + id_ + " lacks its first input");
  return {};
}

Status NodeImporter::import_subgraph(const onnx::GraphProto& source, graph::Node& target,
                                     std::vector<ValueId>& captures) {
  auto body = std::make_shared<graph::Subgraph>();
  body->graph.name = graph_.name;
  body->graph.opset = graph_.opset;
  Scope scope(body->graph, &scope_);
  if (Status status = scope.define_initialisers(source, id_ + ": ", state_); !status) return status;
  if (Status status = read_inputs(source, id_, scope, body->problems); !status) return status;
  if (Status status = import_nodes(source, scope, state_, body->problems); !status) return status;
  if (Status status = read_outputs(source, id_, scope, *body); !status) return status;
  body->captures = scope.captures().size();
  captures.insert(captures.end(), scope.captures().begin(), scope.captures().end());
  target.bodies.push_back(std::move(body));
  return {};
}

// Whether the bodies take and give as many values as the node says. `operands` are the node's own inputs.
Status NodeImporter::check_control(const graph::Node& target, std::size_t operands) const {
  for (const auto& body : target.bodies) {
    const std::size_t takes = body->graph.inputs.size() - body->captures;
    std::size_t gives = body->graph.outputs.size();
    std::size_t carried = 0;
    std::size_t wanted = operands;
    if (target.op == Op::branch) {
      if (operands != 1) return invalid("node " + id_ + " needs one input, the condition");
      wanted = 0;
    } else if (target.op == Op::loop) {
      carried = operands - 2;
      if (gives == 0) return invalid("the body of node " + id_ + " gives no condition");
      --gives;
    } else {
      const std::int64_t scanned = target.attributes.integer("num_scan_inputs");
      if (scanned < 1 || static_cast<std::uint64_t>(scanned) > operands)
        return invalid("num_scan_inputs of node " + id_ + " is out of range");
      carried = operands - static_cast<std::size_t>(scanned);
    }
    if (takes != wanted) {
      return invalid("a graph in node " + id_ + " takes " + std::to_string(takes) + " inputs, it should be " +
                     std::to_string(wanted));
    }
    if (gives < std::max(carried, target.outputs.size())) {
      return invalid("a graph in node " + id_ + " gives " + std::to_string(gives) +
                     " values, the node needs " + std::to_string(std::max(carried, target.outputs.size())));
    }
  }
  return {};
}

}  // namespace fettle::onnx_import
