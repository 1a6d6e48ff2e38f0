// SPDX-License-Identifier: Apache-2.0
//
// Calls of functions that the file defines: the nodes of the function take the place of the call, under names
// that begin with the call's. ONNX IR specification, "Functions".
#include "lib/onnx/node.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace fettle::onnx_import {
namespace {

using graph::ValueId;
using onnx::AttributeProto;

// What a function's attributes are in one call: those of the call, else the defaults that the function
// declares.
using Arguments = std::map<std::string, const AttributeProto*>;

Arguments arguments_of(const onnx::NodeProto& call, const onnx::FunctionProto& function) {
  Arguments arguments;
  for (const AttributeProto& attribute : function.attribute_proto()) arguments[attribute.name()] = &attribute;
  for (const AttributeProto& attribute : call.attribute()) arguments[attribute.name()] = &attribute;
  return arguments;
}

void substitute(onnx::NodeProto& node, const Arguments& arguments);

void substitute(onnx::GraphProto& graph, const Arguments& arguments) {
  for (onnx::NodeProto& node : *graph.mutable_node()) substitute(node, arguments);
}

// Attributes that refer to the function's become these, or none where there is none; in graphs inside, too,
// which nest no deeper than protobuf reads.
void substitute(onnx::NodeProto& node, const Arguments& arguments) {
  auto& attributes = *node.mutable_attribute();
  for (int i = attributes.size(); i-- > 0;) {
    AttributeProto& attribute = attributes[i];
    if (!attribute.ref_attr_name().empty()) {
      const auto given = arguments.find(attribute.ref_attr_name());
      if (given == arguments.end()) {
        attributes.DeleteSubrange(i, 1);
        continue;
      }
      const std::string name = attribute.name();
      attribute = *given->second;
      attribute.set_name(name);
      attribute.clear_ref_attr_name();
    } else if (attribute.has_g()) {
      substitute(*attribute.mutable_g(), arguments);
    }
  }
}

}  // namespace

const onnx::FunctionProto* NodeImporter::called_function() const {
  const auto found = state_.functions.find({node_->domain(), node_->op_type(), node_->overload()});
  return found == state_.functions.end() ? nullptr : found->second;
}

Status NodeImporter::import_call(const onnx::FunctionProto& function) {
  const onnx::NodeProto& call = *node_;
  const std::string id = id_;
  std::vector<ValueId> outputs;
  std::vector<ValueId> operands;
  if (Status status = find_operands(operands, false); !status) return status;
  if (Status status = add_outputs(outputs); !status) return status;
  if (std::find(state_.calls.begin(), state_.calls.end(), &function) != state_.calls.end())
    return invalid("node " + id + ": the function " + function.name() + " calls itself");
  if (state_.calls.size() >= kMostCalls)
    return invalid("node " + id + ": functions call each other more than " + std::to_string(kMostCalls) +
                   " deep");
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size())
    return invalid("node " + id + " has more inputs or outputs than the function " + function.name());

  // Each call has nodes and constants of its own, of which a small file may ask for any number.
  state_.call_bytes += function.ByteSizeLong();
  if (state_.call_bytes > state_.limits.file_bytes) {
    return Error(ErrorCode::kLimitExceeded,
                 "node " + id + ": functions take more than " + std::to_string(state_.limits.file_bytes) +
                     " bytes where they are called",
                 "raise ModelLimits::file_bytes if you trust the file");
  }

  Scope scope(graph_, id + "/", scope_);
  for (const onnx::OperatorSetIdProto& entry : function.opset_import()) {
    if (entry.domain().empty() || entry.domain() == "ai.onnx") scope.set_opset(entry.version());
  }
  std::vector<std::string> left_out;
  for (int i = 0; i < function.input_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (at >= operands.size() || operands[at] == graph::kNoValue) {
      left_out.push_back(function.input(i));
    } else if (Status status = scope.name(function.input(i), operands[at]); !status) {
      return status;
    } else if (const std::string* reason = scope_.unusable(operands[at])) {
      scope.mark_unusable(operands[at], *reason);
    }
  }
  onnx::GraphProto body;
  *body.mutable_node() = function.node();
  substitute(body, arguments_of(call, function));
  for (onnx::NodeProto& node : *body.mutable_node()) {
    for (std::string& input : *node.mutable_input()) {
      if (std::find(left_out.begin(), left_out.end(), input) != left_out.end()) input.clear();
    }
  }
  state_.calls.push_back(&function);
  Status imported = import_nodes(body, scope, state_, problems_);
  state_.calls.pop_back();
  if (!imported) return imported;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == graph::kNoValue) continue;
    const std::string& name = function.output(static_cast<int>(i));
    const ValueId made = scope.find(name);
    if (made == graph::kNoValue)
      return invalid("node " + id + ": nothing in the function " + function.name() + " makes its output " +
                     name);
    if (const std::string* reason = scope.unusable(made)) scope_.mark_unusable(outputs[i], *reason);
    graph_.add_node({Op::identity, i == 0 ? id : id + "." + std::to_string(i), {}, {}, {made}, {outputs[i]}});
  }
  return {};
}

}  // namespace fettle::onnx_import
