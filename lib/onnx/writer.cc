// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/writer.h"

#include "lib/base/guard.h"
#include "lib/base/op_names.h"
#include "lib/onnx/file_builder.h"
#include "lib/onnx/tensor.h"
#include "lib/onnx/write_node.h"

#include <fettle/version.h>

#include <google/protobuf/arena.h>
#include <onnx.pb.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::onnx_export {
namespace {

// The version of the format that came with an opset.
std::int64_t format_version(std::int64_t opset) {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  return opset == 23 ? 11 : opset == 24 ? 12 : 13;
}

class Writer {
 public:
  Writer(const graph::Graph& graph, std::span<const std::string> outputs, onnx::ModelProto& model)
      : graph_(graph),
        outputs_(outputs),
        model_(model),
        opset_(needed_opset(graph)),
        file_(graph, opset_, *model.mutable_graph()) {}

  Status run() {
    model_.set_ir_version(format_version(opset_));
    model_.set_producer_name("fettle");
    model_.set_producer_version(FETTLE_VERSION);
    onnx::OperatorSetIdProto& opset = *model_.add_opset_import();
    opset.set_domain("");
    opset.set_version(opset_);
    model_.mutable_graph()->set_name(graph_.name.empty() ? "model" : graph_.name);
    name_ends();
    for (std::size_t i = 0; i < graph_.node_count(); ++i) {
      const graph::Node& node = graph_.node(static_cast<graph::NodeId>(i));
      if (node.removed) continue;
      if (std::string problem = write_node(file_, node); !problem.empty())
        problems_.push_back({node.id, op_name(node.op), std::move(problem)});
    }
    write_outputs();
    return problems_.empty() ? Status() : refusal();
  }

 private:
  static std::string op_name(Op op) {
    const std::string_view name = onnx_name(op);
    return std::string(name.empty() ? to_string(op) : name);
  }

  // Inputs and outputs have their names before anything else takes these.
  void name_ends() {
    for (const graph::ValueId input : graph_.inputs) {
      const graph::Value& value = graph_.value(input);
      file_.reserve(value.name);
      file_.name(input, value.name);
      describe(value.name, value, *model_.mutable_graph()->add_input());
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const graph::Value& value = graph_.value(graph_.outputs[i]);
      const bool free = file_.reserve(outputs_[i]);
      // An output that an input or a constant is, or another output, gets a node of its own.
      if (free && !value.constant) file_.name(graph_.outputs[i], outputs_[i]);
    }
  }

  void write_outputs() {
    std::set<std::string> written;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const graph::Value& value = graph_.value(graph_.outputs[i]);
      describe(outputs_[i], value, *model_.mutable_graph()->add_output());
      const std::string name = file_.name_of(graph_.outputs[i]);
      if (name != outputs_[i] && written.insert(outputs_[i]).second)
        file_.add("Identity", outputs_[i], {name}, {outputs_[i]});
    }
  }

  static void describe(const std::string& name, const graph::Value& value, onnx::ValueInfoProto& info) {
    info.set_name(name);
    onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(onnx_import::onnx_type(value.type));
    onnx::TensorShapeProto& shape = *tensor.mutable_shape();
    for (const std::int64_t extent : *value.shape) shape.add_dim()->set_dim_value(extent);
  }

  Error refusal() const {
    constexpr std::size_t kMostListed = 50;
    std::string message = graph_.name + ": " + std::to_string(problems_.size()) +
                          (problems_.size() == 1 ? " layer" : " layers") + " cannot be written as ONNX:";
    for (std::size_t i = 0; i < std::min(problems_.size(), kMostListed); ++i)
      message += "\n  " + problems_[i].node + " (" + problems_[i].op + "): " + problems_[i].reason;
    if (problems_.size() > kMostListed)
      message += "\n  and " + std::to_string(problems_.size() - kMostListed) + " more";
    return {ErrorCode::kModelUnsupported, std::move(message), "use the file that the model was read from"};
  }

  const graph::Graph& graph_;
  std::span<const std::string> outputs_;
  onnx::ModelProto& model_;
  const std::int64_t opset_;
  FileBuilder file_;
  std::vector<graph::Problem> problems_;
};

}  // namespace

Result<std::string> write(const graph::Graph& graph, std::span<const std::string> outputs) {
  // In an arena: protobuf's messages on the heap leak when an allocation fails while they are filled.
  google::protobuf::Arena arena;
  onnx::ModelProto& model = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  if (Status status = Writer(graph, outputs, model).run(); !status) return std::move(status).error();
  const std::size_t size = model.ByteSizeLong();
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return Error(
        ErrorCode::kModelUnsupported,
        graph.name + ": the file would have " + std::to_string(size) + " bytes, and ONNX allows 2 GB",
        "use the file that the model was read from");
  }
  std::string bytes(size, '\0');
  if (!model.SerializeToArray(bytes.data(), static_cast<int>(size))) return out_of_memory();
  return bytes;
}

}  // namespace fettle::onnx_export
