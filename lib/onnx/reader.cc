// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/reader.h"

#include "lib/onnx/bound_input.h"

#include "lib/base/checked.h"
#include "lib/onnx/node.h"
#include "lib/onnx/tensor.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace fettle::onnx_import {
namespace {

constexpr std::int64_t kOldestOpset = 1;
constexpr std::int64_t kNewestOpset = 27;  // whose changes are known
constexpr std::int64_t kOldestIr = 3;      // the first with versions of operators

class Reader {
 public:
  Reader(const onnx::ModelProto& model, const std::string& name, const std::string& folder,
         const ModelOptions& options)
      : proto_(model), name_(name), options_(options), files_(folder, options.limits) {
    imported_.graph.name = name;
  }

  Result<graph::Imported> run() {
    const onnx::GraphProto& source = proto_.graph();
    if (source.output_size() == 0)
      return Error(ErrorCode::kModelMalformed, name_ + ": the graph has no outputs",
                   "is this an ONNX model?");
    for (Status (Reader::*part)() : {&Reader::read_opset, &Reader::note_functions, &Reader::read_initialisers,
                                     &Reader::read_inputs, &Reader::read_nodes, &Reader::read_outputs}) {
      if (Status status = (this->*part)(); !status) return std::move(status).error();
    }
    return std::move(imported_);
  }

 private:
  Error invalid(const std::string& what) const {
    return {ErrorCode::kModelInvalid, name_ + ": " + what, "the file is damaged; export it again"};
  }

  // The functions that the file defines, which nodes may name like operators.
  Status note_functions() {
    for (const onnx::FunctionProto& function : proto_.functions()) {
      const FunctionName name{function.domain(), function.name(), function.overload()};
      if (!state_.functions.emplace(name, &function).second)
        return invalid("the function " + function.name() + " is defined twice");
    }
    return {};
  }

  Status read_opset() {
    // Without an entry no operator is ONNX's own, and each is refused by its domain.
    imported_.graph.opset = kNewestOpset;
    for (const onnx::OperatorSetIdProto& entry : proto_.opset_import()) {
      if (entry.domain().empty() || entry.domain() == "ai.onnx") imported_.graph.opset = entry.version();
    }
    // A later opset may define no operator of the model anew, and its nodes are checked one by one.
    return imported_.graph.opset >= kOldestOpset
               ? Status()
               : invalid("opset " + std::to_string(imported_.graph.opset) + ": there is none below 1");
  }

  // An error that does not name the file yet.
  Status in_file(Status status) const {
    if (status) return status;
    return Error(status.error().code(), name_ + ": " + status.error().message(), status.error().hint());
  }

  Status read_initialisers() { return in_file(scope_.define_initialisers(proto_.graph(), "", state_)); }

  Status read_inputs() {
    std::set<std::string> names;  // initialisers that are listed among the inputs left out
    for (const onnx::ValueInfoProto& input : proto_.graph().input()) {
      // Files of old versions list initialisers among the inputs.
      if (scope_.contains(input.name())) continue;
      graph::Value value;
      value.name = input.name();
      value.type = data_type(input.type().tensor_type().elem_type());
      names.insert(input.name());
      // Like a free dimension, it is one problem, and what follows from it is passed over.
      if (std::string reason = unusable(input.type()); !reason.empty()) {
        imported_.problems.push_back(
            {input.name(), "input", std::move(reason), graph::kNoNode, graph::Problem::Kind::input_type});
        if (Status status = in_file(scope_.define(std::move(value))); !status) return status;
        continue;
      }
      graph::DeclaredInput declared = declaration(input);
      if (const auto bound = options_.constants.find(input.name()); bound != options_.constants.end()) {
        if (Status status = bind(declared, std::move(value), bound->second); !status) return status;
        continue;
      }
      if (Status status = in_file(scope_.define(std::move(value))); !status) return status;
      imported_.graph.inputs.push_back(scope_.find(input.name()));
      imported_.inputs.push_back(std::move(declared));
    }
    for (const auto& [wanted, contents] : options_.constants) {
      if (!names.contains(wanted))
        return Error(ErrorCode::kUnknownName,
                     name_ + " has no input " + wanted + ", but contents are given for it",
                     "give the name of an input");
    }
    return {};
  }

  static graph::DeclaredInput declaration(const onnx::ValueInfoProto& input) {
    graph::DeclaredInput declared{input.name(), std::nullopt, {}};
    if (!input.type().tensor_type().has_shape()) return declared;
    declared.shape.emplace();
    for (const auto& dim : input.type().tensor_type().shape().dim()) {
      declared.shape->push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : -1);
      declared.labels.push_back(dim.dim_param());
    }
    return declared;
  }

  // An input that is a constant from now on.
  Status bind(const graph::DeclaredInput& declared, graph::Value value, const BoundInput& given) {
    Result<BoundInput> bound = contents_of(declared, value.type, given, options_.limits);
    if (!bound) return in_file(std::move(bound).error());
    const auto bytes_kept = std::make_shared<std::vector<std::byte>>(std::move(bound->bytes));
    auto constant = std::make_shared<Constant>();
    constant->bytes = *bytes_kept;
    constant->owner = bytes_kept;
    value.shape = bound->shape;
    value.constant = std::move(constant);
    return in_file(scope_.define(std::move(value)));
  }

  Status read_nodes() { return in_file(import_nodes(proto_.graph(), scope_, state_, imported_.problems)); }

  Status read_outputs() {
    for (const onnx::ValueInfoProto& output : proto_.graph().output()) {
      const graph::ValueId found = scope_.find(output.name());
      if (found == graph::kNoValue) return invalid("the output " + output.name() + " is made by no node");
      if (const std::string* reason = scope_.unusable(found))
        imported_.problems.push_back(
            {output.name(), "output", *reason, static_cast<graph::NodeId>(imported_.graph.node_count())});
      imported_.graph.outputs.push_back(found);
    }
    return {};
  }

  const onnx::ModelProto& proto_;
  const std::string& name_;
  const ModelOptions& options_;
  graph::Imported imported_;
  Scope scope_{imported_.graph};
  ExternalFiles files_;
  ImportState state_{options_.limits, files_};
};

}  // namespace

Result<graph::Imported> read(std::span<const std::byte> bytes, const std::string& name,
                             const std::string& folder, const ModelOptions& options) {
  if (bytes.empty()) return Error(ErrorCode::kModelMalformed, name + " is empty", "give an ONNX file");
  // In an arena: protobuf's messages on the heap leak when an allocation fails while they are parsed.
  google::protobuf::Arena arena;
  onnx::ModelProto& model = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(ErrorCode::kModelMalformed, name + " is not an ONNX model, or is cut off",
                 "check the file; export it again");
  }
  if (!model.has_ir_version())
    return Error(ErrorCode::kModelMalformed, name + " does not say its version of ONNX",
                 "is this an ONNX model?");
  if (model.ir_version() < kOldestIr) {
    return Error(ErrorCode::kModelUnsupported,
                 name + ": version " + std::to_string(model.ir_version()) + " of the ONNX format",
                 "export the model again: version 3 or later is needed");
  }
  if (!model.has_graph())
    return Error(ErrorCode::kModelMalformed, name + " holds no graph", "is this an ONNX model?");
  return Reader(model, name, folder, options).run();
}

}  // namespace fettle::onnx_import
