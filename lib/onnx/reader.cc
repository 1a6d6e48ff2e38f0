// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/reader.h"

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
constexpr std::int64_t kNewestOpset = 17;
constexpr std::int64_t kOldestIr = 3;  // the first with versions of operators

class Reader {
 public:
  Reader(const onnx::ModelProto& model, const std::string& name, const std::string& folder,
         const ModelOptions& options)
      : proto_(model), name_(name), options_(options), files_(folder, options.limits) {
    graph_.name = name;
  }

  Result<graph::Graph> run() {
    const onnx::GraphProto& source = proto_.graph();
    if (source.output_size() == 0)
      return Error(ErrorCode::kModelMalformed, name_ + ": the graph has no outputs",
                   "is this an ONNX model?");
    for (Status (Reader::*part)() : {&Reader::read_opset, &Reader::read_initialisers, &Reader::read_inputs,
                                     &Reader::read_nodes, &Reader::read_outputs}) {
      if (Status status = (this->*part)(); !status) return std::move(status).error();
    }
    return std::move(graph_);
  }

 private:
  Error invalid(const std::string& what) const {
    return {ErrorCode::kModelInvalid, name_ + ": " + what, "the file is damaged; export it again"};
  }

  Status read_opset() {
    // Without an entry no operator is ONNX's own, and each is refused by its domain.
    graph_.opset = kNewestOpset;
    for (const onnx::OperatorSetIdProto& entry : proto_.opset_import()) {
      if (entry.domain().empty() || entry.domain() == "ai.onnx") graph_.opset = entry.version();
    }
    if (graph_.opset < kOldestOpset || graph_.opset > kNewestOpset) {
      return Error(ErrorCode::kModelUnsupported, name_ + ": opset " + std::to_string(graph_.opset),
                   "export with an opset from 1 to 17");
    }
    return {};
  }

  // An error that does not name the file yet.
  Status in_file(Status status) const {
    if (status) return status;
    return Error(status.error().code(), name_ + ": " + status.error().message(), status.error().hint());
  }

  Status read_initialisers() { return in_file(scope_.define_initialisers(proto_.graph(), "", state_)); }

  Status read_inputs() {
    for (const onnx::ValueInfoProto& input : proto_.graph().input()) {
      // Files of old versions list initialisers among the inputs.
      if (scope_.contains(input.name())) continue;
      const onnx::TypeProto& type = input.type();
      if (!type.has_tensor_type())
        return Error(ErrorCode::kModelUnsupported, name_ + ": input " + input.name() + " is not a tensor",
                     "use a model whose inputs are tensors");
      graph::Value value;
      value.name = input.name();
      value.type = data_type(type.tensor_type().elem_type());
      if (value.type == DataType::undefined)
        return Error(ErrorCode::kModelUnsupported,
                     name_ + ": input " + input.name() + " has an unsupported element type");
      input_names_.insert(input.name());
      if (const auto bound = options_.constants.find(input.name()); bound != options_.constants.end()) {
        if (Status status = bind(input, std::move(value), bound->second); !status) return status;
        continue;
      }
      Result<Shape> shape = input_shape(input);
      if (!shape) return std::move(shape).error();
      value.shape = *shape;
      if (Status status = in_file(scope_.define(std::move(value))); !status) return status;
      graph_.inputs.push_back(scope_.find(input.name()));
    }
    for (const auto& [wanted, shape] : options_.shapes) {
      if (Status status = check_name(wanted, "a shape is"); !status) return status;
    }
    for (const auto& [wanted, contents] : options_.constants) {
      if (Status status = check_name(wanted, "contents are"); !status) return status;
    }
    return {};
  }

  // Something is given for an input that there is.
  Status check_name(const std::string& wanted, const char* what) const {
    if (input_names_.contains(wanted)) return {};
    return Error(ErrorCode::kUnknownName,
                 name_ + " has no input " + wanted + ", but " + what + " given for it",
                 "give the name of an input");
  }

  // An input that is a constant from now on.
  Status bind(const onnx::ValueInfoProto& input, graph::Value value, const BoundInput& given) {
    const BoundInput bound =
        given.type == DataType::undefined ? from_integers(input, value.type, given.integers) : given;
    const auto elements = checked_elements(bound.shape.dims(), options_.limits.tensor_elements);
    const auto bytes = elements ? checked_bytes(*elements, bound.type) : std::nullopt;
    if (bound.type != value.type || !fits(input, bound.shape) || bytes != bound.bytes.size()) {
      return Error(ErrorCode::kWrongShape,
                   name_ + ": what is bound to input " + value.name + ", " +
                       std::string(to_string(bound.type)) + " " + bound.shape.text() + " in " +
                       std::to_string(bound.bytes.size()) + " bytes, does not fit its type " +
                       std::string(to_string(value.type)) + " or its shape",
                   "bind as many numbers as the input has, of its type; `fettle inspect` shows both");
    }
    const auto bytes_kept = std::make_shared<std::vector<std::byte>>(bound.bytes);
    auto constant = std::make_shared<graph::Constant>();
    constant->bytes = *bytes_kept;
    constant->owner = bytes_kept;
    value.shape = bound.shape;
    value.constant = std::move(constant);
    return in_file(scope_.define(std::move(value)));
  }

  // Whether a shape contradicts nothing that the model says of an input.
  static bool fits(const onnx::ValueInfoProto& input, const Shape& shape) {
    const auto& dims = input.type().tensor_type().shape().dim();
    if (!input.type().tensor_type().has_shape()) return true;
    if (shape.rank() != dims.size()) return false;
    for (int i = 0; i < dims.size(); ++i) {
      const bool known = dims[i].has_dim_value() && dims[i].dim_value() > 0;
      if (known && dims[i].dim_value() != shape[i]) return false;
    }
    return true;
  }

  // Integers in an input's own type, in its shape where that is known.
  static BoundInput from_integers(const onnx::ValueInfoProto& input, DataType type,
                                  std::span<const std::int64_t> integers) {
    BoundInput bound;
    bound.type = type;
    const auto& shape = input.type().tensor_type().shape();
    bool known = input.type().tensor_type().has_shape() && shape.dim_size() <= kMaxRank;
    for (const auto& dim : shape.dim()) known = known && dim.dim_value() > 0;
    for (int i = 0; known && i < shape.dim_size(); ++i) bound.shape.push_back(shape.dim(i).dim_value());
    if (!known) bound.shape = Shape{static_cast<std::int64_t>(integers.size())};
    // The machine is little-endian: a narrow integer is the beginning of a wide one.
    const bool whole = type != DataType::f32 && type != DataType::f64 && type != DataType::f16 &&
                       type != DataType::bf16 && type != DataType::undefined;
    for (const std::int64_t integer : integers) {
      const auto* first = reinterpret_cast<const std::byte*>(&integer);
      if (whole) bound.bytes.insert(bound.bytes.end(), first, first + size_of(type));
    }
    return bound;
  }

  Result<Shape> input_shape(const onnx::ValueInfoProto& input) const {
    const auto& dims = input.type().tensor_type().shape().dim();
    const bool declared = input.type().tensor_type().has_shape();
    const auto given = options_.shapes.find(input.name());
    if (dims.size() > kMaxRank) return invalid("input " + input.name() + " has more than 8 dimensions");
    if (given != options_.shapes.end()) {
      const Shape& shape = given->second;
      if (!fits(input, shape))
        return Error(ErrorCode::kWrongShape,
                     name_ + ": the shape " + shape.text() + " given for input " + input.name() +
                         " contradicts the model",
                     "only dimensions that the model leaves free can be given; `fettle inspect` shows them");
      return check_input(shape, input.name());
    }
    Shape shape;
    for (int i = 0; i < dims.size(); ++i) {
      if (!dims[i].has_dim_value() || dims[i].dim_value() <= 0) {
        const std::string label =
            dims[i].has_dim_param() && !dims[i].dim_param().empty() ? " (" + dims[i].dim_param() + ")" : "";
        return Error(
            ErrorCode::kWrongShape,
            name_ + ": dimension " + std::to_string(i) + label + " of input " + input.name() + " is free",
            "fix it: --shape " + input.name() + "=..., or ModelOptions::shapes");
      }
      shape.push_back(dims[i].dim_value());
    }
    if (!declared)
      return Error(ErrorCode::kWrongShape, name_ + ": input " + input.name() + " has no shape",
                   "fix it: --shape " + input.name() + "=..., or ModelOptions::shapes");
    return check_input(shape, input.name());
  }

  Result<Shape> check_input(const Shape& shape, const std::string& input) const {
    if (!checked_elements(shape.dims(), options_.limits.tensor_elements))
      return invalid("input " + input + " has the impossible shape " + shape.text());
    return shape;
  }

  Status read_nodes() {
    std::vector<graph::Problem> problems;
    if (Status status = in_file(import_nodes(proto_.graph(), scope_, state_, problems)); !status)
      return status;
    if (problems.empty()) return {};
    std::string message = name_ + ": " + std::to_string(problems.size()) +
                          (problems.size() == 1 ? " node" : " nodes") + " cannot be run:";
    for (const graph::Problem& problem : problems)
      message += "\n  " + problem.node + " (" + problem.op + "): " + problem.reason;
    return Error(ErrorCode::kModelUnsupported, std::move(message),
                 "simplify the model before export, or use operators that are supported");
  }

  Status read_outputs() {
    for (const onnx::ValueInfoProto& output : proto_.graph().output()) {
      const graph::ValueId found = scope_.find(output.name());
      if (found == graph::kNoValue) return invalid("the output " + output.name() + " is made by no node");
      graph_.outputs.push_back(found);
    }
    return {};
  }

  const onnx::ModelProto& proto_;
  const std::string& name_;
  const ModelOptions& options_;
  std::set<std::string> input_names_;  // initialisers that are listed among the inputs left out
  graph::Graph graph_;
  Scope scope_{graph_};
  ExternalFiles files_;
  ImportState state_{options_.limits, files_};
};

}  // namespace

Result<graph::Graph> read(std::span<const std::byte> bytes, const std::string& name,
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
