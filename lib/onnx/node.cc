// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/node.h"

#include "lib/base/utf8.h"
#include "lib/graph/operators.h"
#include "lib/onnx/order.h"
#include "lib/onnx/signatures.h"
#include "lib/onnx/tensor.h"
#include "lib/onnx/words.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace fettle::onnx_import {
namespace {

using graph::ValueId;
using onnx::AttributeProto;

// The first version of Softmax that works along one axis instead of on a matrix.
constexpr int kSoftmaxAlongAxis = 13;
// Plans have texts of 4096 bytes, in UTF-8 and with a copy's number.
constexpr std::size_t kMostIdBytes = 1024;
constexpr std::size_t kShownBytes = 40;  // of a text that may be anything
// No operator has a tenth of them; attributes are kept sorted, which takes time with their square.
constexpr int kMostAttributes = 256;

bool names_a_type(Op op, std::string_view attribute) {
  return ((op == Op::cast || op == Op::bit_cast) && attribute == "to") || attribute == "output_datatype" ||
         attribute == "output_dtype" || (op == Op::eye_like && attribute == "dtype") ||
         (op == Op::quantize_linear && attribute == "precision") || attribute == "softmax_precision";
}
bool is_recurrent(Op op) { return graph::operator_info(op).import == graph::Import::recurrent; }

// Where any of the outputs may be left out, the first too: also of a function.
bool may_skip_first(const onnx::NodeProto& node) {
  const graph::OperatorInfo* info = graph::find_operator(node.domain(), node.op_type());
  return info == nullptr || info->import == graph::Import::recurrent ||
         info->import == graph::Import::control;
}

// The node's label, made unique.
std::string unique_id(const onnx::NodeProto& node, int index, const std::string& prefix, Ids& ids) {
  std::string id = prefix + node_label(node, index, kMostIdBytes);
  // Of calls inside calls the end tells the most.
  if (id.size() > kMostIdBytes) id = valid_utf8(std::string_view(id).substr(id.size() - kMostIdBytes));
  if (ids.emplace(id, 2).second) return id;
  // From the last copy's number on: counting from the start would take hours for a file of one name.
  for (int& copy = ids.at(id);; ++copy) {
    std::string unique = id + "_" + std::to_string(copy);
    if (ids.emplace(unique, 2).second) return unique;
  }
}

// What is rewritten when it is read, and gives one result.
bool is_rewritten(graph::Import import) {
  return import == graph::Import::constant || import == graph::Import::softmax ||
         import == graph::Import::chain || import == graph::Import::qlinear;
}

// Why nothing can use what an attribute of Constant holds; empty where nothing is in the way.
std::string unusable_constant(const AttributeProto& attribute) {
  switch (attribute.type()) {
    case AttributeProto::TENSOR:
      return unusable(attribute.t());
    case AttributeProto::STRING:
    case AttributeProto::STRINGS:
      return unusable_elements(onnx::TensorProto::STRING);
    case AttributeProto::SPARSE_TENSOR:
      return "is stored sparsely: store it densely";
    default:
      return {};
  }
}

// A number, a text, or a list of numbers; nothing for anything else.
std::optional<AttributeValue> plain_value(const AttributeProto& attribute) {
  switch (attribute.type()) {
    case AttributeProto::INT:
      return static_cast<std::int64_t>(attribute.i());
    case AttributeProto::FLOAT:
      return attribute.f();
    case AttributeProto::STRING:
      return attribute.s();
    case AttributeProto::INTS:
      return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
    case AttributeProto::FLOATS:
      return std::vector<float>(attribute.floats().begin(), attribute.floats().end());
    default:
      return std::nullopt;
  }
}

}  // namespace

Status NodeImporter::import(const onnx::NodeProto& node, const std::string& id) {
  node_ = &node;
  id_ = id;
  known_problems_ = problems_.size();
  graph::Node target;
  target.id = id;
  const graph::OperatorInfo* info = graph::find_operator(node.domain(), node.op_type());
  if (info == nullptr) {
    if (const onnx::FunctionProto* function = called_function()) return import_call(*function);
    if (node.domain() == kContribDomain) {
      if (const ContribOperator* op = find_contrib(node.op_type())) return import_contrib(*op);
    }
    const bool standard = node.domain().empty() || node.domain() == "ai.onnx";
    problem(standard                          ? "unknown operator"
            : node.domain() == kContribDomain ? "unknown operator of the domain " + node.domain()
                                              : "unknown domain " + node.domain());
    return add_outputs(target.outputs);  // later nodes may use them
  }
  target.op = info->op;
  if (info->version(scope_.opset()) != info->version(graph_.opset)) {
    problem("the function is written for opset " + std::to_string(scope_.opset()) + ", the model for " +
            std::to_string(graph_.opset) + ", and the operator has changed in between");
    return add_outputs(target.outputs);
  }
  if (info->version(graph_.opset) == 0) {
    problem("the operator came with opset " + std::to_string(*info->since.begin()) + ", the file has " +
            std::to_string(graph_.opset));
    return add_outputs(target.outputs);
  }
  const graph::Import import = info->import;
  if (is_rewritten(import) && node.output_size() > 1)
    return invalid("node " + id_ + " has more than one output");
  // These become a node for each operand.
  if (import == graph::Import::chain &&
      graph_.node_count() + static_cast<std::size_t>(node.input_size()) > state_.limits.nodes) {
    return Error(ErrorCode::kLimitExceeded,
                 "node " + id + " takes the graph beyond " + std::to_string(state_.limits.nodes) + " nodes",
                 "raise ModelLimits::nodes if you trust the file");
  }
  if (import == graph::Import::constant) return import_constant();
  if (import == graph::Import::control) return import_control(std::move(target));
  if (Status status = read_attributes(target); !status) return status;
  if (Status status = read_operands(target); !status) return status;
  if (Status status = add_outputs(target.outputs); !status) return status;
  if (import == graph::Import::recurrent) drop_unnamed(target);
  // Kernels take the parts of a split by their order, so one that nobody wants still needs its place.
  if (target.op == Op::split) {
    for (ValueId& output : target.outputs) {
      if (output == graph::kNoValue) output = new_value();
    }
  }
  if (import == graph::Import::softmax && info->version(graph_.opset) < kSoftmaxAlongAxis)
    add_softmax(std::move(target));
  else if (import == graph::Import::chain)
    add_chain(std::move(target));
  else if (import == graph::Import::qlinear)
    add_qlinear(std::move(target));
  else
    finish(std::move(target));
  return {};
}

Status NodeImporter::read_attributes(graph::Node& target) {
  if (node_->attribute_size() > kMostAttributes) return invalid("node " + id_ + " has too many attributes");
  for (const AttributeProto& attribute : node_->attribute()) {
    if (Status status = read_attribute(attribute, target); !status) return status;
  }
  return {};
}

Status NodeImporter::read_attribute(const AttributeProto& attribute, graph::Node& target) {
  const std::string& name = attribute.name();
  if (name == "consumed_inputs") return {};  // a hint of the first opsets
  if (const auto wrong = wrong_attribute(target.op, name, graph_.opset)) {
    problem(*wrong);
    return {};
  }
  if (names_a_type(target.op, name)) {
    // No type is as good as no attribute, where one may be left out.
    if (name != "to" && attribute.type() == AttributeProto::INT && attribute.i() == 0) return {};
    const DataType type = attribute.type() == AttributeProto::STRING
                              ? data_type(attribute.s())
                              : data_type(static_cast<std::int32_t>(attribute.i()));
    if (type == DataType::undefined) {
      problem("attribute " + name + " is " +
              (attribute.type() == AttributeProto::STRING
                   ? valid_utf8(attribute.s().substr(0, kShownBytes))
                   : type_name(static_cast<std::int32_t>(attribute.i()))) +
              ", which Fettle does not compute with");
    }
    target.attributes.set(name, std::string(to_string(type)));
    return {};
  }
  if (takes_words(target.op, name) && !check_words(attribute, target.op)) return {};
  if (std::optional<AttributeValue> value = plain_value(attribute)) {
    target.attributes.set(name, *std::move(value));
    return {};
  }
  switch (attribute.type()) {
    case AttributeProto::STRINGS: {
      if (!is_recurrent(target.op)) break;
      std::string list;
      for (const std::string& text : attribute.strings()) list.append(list.empty() ? "" : ",").append(text);
      target.attributes.set(name, std::move(list));
      return {};
    }
    case AttributeProto::TENSOR: {
      if (target.op != Op::constant_of_shape) break;
      if (const std::string reason = unusable(attribute.t()); !reason.empty()) {
        problem("attribute " + name + " " + reason);
        return {};
      }
      Result<ImportedTensor> value =
          import_tensor(attribute.t(), id_ + ": attribute " + name, state_.limits, state_.files);
      if (!value) return std::move(value).error();
      std::vector<std::int64_t> bytes;
      for (std::byte byte :
           value->constant->bytes.first(std::min(value->constant->bytes.size(), size_of(value->type))))
        bytes.push_back(std::to_integer<std::int64_t>(byte));
      target.attributes.set("value", std::move(bytes));
      target.attributes.set("type", std::string(to_string(value->type)));
      return {};
    }
    default:
      break;
  }
  problem("attribute " + name + " has an unsupported type");
  return {};
}

bool NodeImporter::check_words(const AttributeProto& attribute, Op op) {
  const bool text = attribute.type() == AttributeProto::STRING;
  const bool list = attribute.type() == AttributeProto::STRINGS && is_recurrent(op);
  if (!text && !list) {
    problem("attribute " + attribute.name() + " must be a text");
    return false;
  }
  std::optional<std::string> wrong;
  if (text) wrong = wrong_word(op, attribute.name(), attribute.s(), graph_.opset);
  // Inference refuses a list that is longer than any operator's.
  constexpr int kMostWords = 16;
  for (int i = 0; list && !wrong && i < std::min(attribute.strings_size(), kMostWords); ++i)
    wrong = wrong_word(op, attribute.name(), attribute.strings(i), graph_.opset);
  if (wrong) problem(*wrong);
  return !wrong;
}

Status NodeImporter::find_operands(std::vector<ValueId>& operands, bool computes) {
  for (const std::string& name : node_->input()) {
    if (name.empty()) {
      operands.push_back(graph::kNoValue);
      continue;
    }
    const ValueId found = scope_.find(name);
    if (found == graph::kNoValue)
      return invalid("node " + id_ + " uses " + name + ", which nothing in the graph makes");
    if (computes) check_usable(operands.size(), name, found);
    operands.push_back(found);
  }
  while (!operands.empty() && operands.back() == graph::kNoValue) operands.pop_back();
  return {};
}

Status NodeImporter::read_operands(graph::Node& target) {
  if (Status status = find_operands(target.inputs); !status) return status;
  const bool needs_first = target.inputs.empty() || target.inputs.front() == graph::kNoValue;
  if (needs_first) return invalid("node " + id_ + " lacks its first input");
  if (const auto wrong = too_many_operands(target.op, target.inputs.size(), graph_.opset)) problem(*wrong);
  std::size_t least = graph::operator_info(target.op).least_inputs;
  if (least == graph::kAllInputs) least = target.inputs.size();
  const auto missing =
      std::find(target.inputs.begin(), target.inputs.end(), graph::kNoValue) - target.inputs.begin();
  if (static_cast<std::size_t>(missing) < least) return invalid("node " + id_ + " lacks an input");
  return {};
}

void NodeImporter::check_usable(std::size_t input, const std::string& name, ValueId value) {
  if (const std::string* reason = scope_.unusable(value))
    problem("input " + std::to_string(input) + ", " + name + ", " + *reason);
}

Status NodeImporter::add_outputs(std::vector<ValueId>& outputs) {
  if (node_->output_size() == 0) return invalid("node " + id_ + " has no output");
  for (const std::string& name : node_->output()) {
    if (name.empty()) {
      outputs.push_back(graph::kNoValue);
      continue;
    }
    graph::Value value;
    value.name = name;
    if (Status status = scope_.define(std::move(value)); !status) return status;
    outputs.push_back(scope_.find(name));
  }
  const auto named =
      std::find_if(outputs.begin(), outputs.end(), [](ValueId v) { return v != graph::kNoValue; });
  if (named == outputs.end() || (named != outputs.begin() && !may_skip_first(*node_)))
    return invalid("node " + id_ + " does not name its first output");
  return {};
}

// Layers list the results that are there; which those are stands in the attribute `outputs`.
void NodeImporter::drop_unnamed(graph::Node& target) {
  std::vector<std::int64_t> there;
  for (std::size_t i = 0; i < target.outputs.size(); ++i) {
    if (target.outputs[i] != graph::kNoValue) there.push_back(static_cast<std::int64_t>(i));
  }
  std::erase(target.outputs, graph::kNoValue);
  target.attributes.set("outputs", std::move(there));
}

// Constant nodes are initialisers in another place.
Status NodeImporter::import_constant() {
  std::vector<ValueId> outputs;
  if (Status status = add_outputs(outputs); !status) return status;
  graph::Value& value = graph_.value(outputs.front());
  for (const AttributeProto& attribute : node_->attribute()) {
    onnx::TensorProto tensor;
    if (const std::string reason = unusable_constant(attribute); !reason.empty()) {
      // In the way of what uses it, like an initialiser.
      scope_.mark_unusable(outputs.front(), reason);
      return {};
    }
    if (attribute.type() == AttributeProto::TENSOR) {
      tensor = attribute.t();
    } else if (attribute.type() == AttributeProto::FLOAT || attribute.type() == AttributeProto::FLOATS) {
      tensor.set_data_type(onnx::TensorProto::FLOAT);
      if (attribute.type() == AttributeProto::FLOAT) tensor.add_float_data(attribute.f());
      for (float item : attribute.floats()) tensor.add_float_data(item);
      if (attribute.type() == AttributeProto::FLOATS) tensor.add_dims(attribute.floats_size());
    } else if (attribute.type() == AttributeProto::INT || attribute.type() == AttributeProto::INTS) {
      tensor.set_data_type(onnx::TensorProto::INT64);
      if (attribute.type() == AttributeProto::INT) tensor.add_int64_data(attribute.i());
      for (std::int64_t item : attribute.ints()) tensor.add_int64_data(item);
      if (attribute.type() == AttributeProto::INTS) tensor.add_dims(attribute.ints_size());
    } else {
      problem("attribute " + attribute.name() + " has an unsupported type");
      continue;
    }
    Result<ImportedTensor> imported = import_tensor(tensor, "constant " + id_, state_.limits, state_.files);
    if (!imported) return std::move(imported).error();
    value.type = imported->type;
    value.shape = imported->shape;
    value.constant = std::move(imported->constant);
  }
  if (!value.constant) problem("has no value");
  return {};
}

// The attributes of another domain's operators are plain numbers, texts and lists.
Status NodeImporter::import_contrib(const ContribOperator& op) {
  Expansion expansion(graph_, id_);
  if (node_->attribute_size() > kMostAttributes) return invalid("node " + id_ + " has too many attributes");
  for (const AttributeProto& attribute : node_->attribute()) {
    const std::string& name = attribute.name();
    if (!op.has_attribute(name)) {
      problem("there is no attribute " + valid_utf8(name.substr(0, kShownBytes)) + " of this operator");
    } else if (std::optional<AttributeValue> value = plain_value(attribute)) {
      expansion.attributes.set(name, *std::move(value));
    } else {
      problem("attribute " + name + " has an unsupported type");
    }
  }
  if (Status status = find_operands(expansion.inputs); !status) return status;
  const auto& inputs = expansion.inputs;
  const auto missing = std::find(inputs.begin(), inputs.end(), graph::kNoValue) - inputs.begin();
  if (static_cast<std::size_t>(missing) < op.least_first || inputs.size() < op.least_inputs)
    problem("an input is missing: " + std::to_string(op.least_inputs) + " are needed");
  if (inputs.size() > op.most_inputs)
    problem("there are " + std::to_string(inputs.size()) + " inputs, the operator takes " +
            std::to_string(op.most_inputs));
  if (Status status = add_outputs(expansion.outputs); !status) return status;
  if (problems_.size() != known_problems_) return {};
  op.expand(expansion);
  if (expansion.problem()) problem(*expansion.problem());
  for (graph::Node& made : expansion.nodes()) finish(std::move(made));
  return {};
}

ValueId NodeImporter::new_value() {
  graph::Value value;
  value.name = id_ + "#" + std::to_string(graph_.value_count());
  return graph_.add_value(std::move(value));
}

void NodeImporter::finish(graph::Node node) {
  if (problems_.size() == known_problems_) graph_.add_node(std::move(node));
}

// Before opset 13 softmax worked on a matrix with the axes from `axis` on as its columns: flatten, softmax,
// and back.
void NodeImporter::add_softmax(graph::Node node) {
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const ValueId x = node.inputs.front();
  const ValueId y = node.outputs.front();
  if (axis == -1) return finish(std::move(node));
  const ValueId shape = new_value();
  const ValueId matrix = new_value();
  const ValueId scores = new_value();
  graph::Node shape_node{Op::shape, node.id + ".shape", {}, {}, {x}, {shape}};
  graph::Node flatten{Op::flatten, node.id + ".flatten", {}, {}, {x}, {matrix}};
  flatten.attributes.set("axis", axis);
  node.attributes.set("axis", std::int64_t{1});
  node.inputs = {matrix};
  node.outputs = {scores};
  graph::Node back{Op::reshape, node.id + ".reshape", {}, {}, {scores, shape}, {y}};
  finish(std::move(shape_node));
  finish(std::move(flatten));
  finish(std::move(node));
  finish(std::move(back));
}

// Sum, Mean, Max and Min of several operands as a chain of binary operators.
void NodeImporter::add_chain(graph::Node node) {
  const Op op = node.op == Op::sum || node.op == Op::mean ? Op::add : node.op;
  const auto count = node.inputs.size();
  const bool mean = node.op == Op::mean && count > 1;
  ValueId sum = node.inputs.front();
  const ValueId result = node.outputs.front();
  for (std::size_t i = 1; i < count; ++i) {
    const bool last = i + 1 == count && !mean;
    const ValueId next = last ? result : new_value();
    const std::string id = last ? node.id : node.id + "." + std::to_string(i);
    finish({op, id, {}, {}, {sum, node.inputs[i]}, {next}});
    sum = next;
  }
  if (count == 1) return finish({Op::identity, node.id, {}, {}, {sum}, {result}});
  if (!mean) return;
  // A count is exact in every type, its reciprocal would have the digits of a float.
  const auto divisor = static_cast<float>(count);
  Result<ValueId> counted =
      graph_.add_constant(node.id + ".count", DataType::f32, Shape{}, std::as_bytes(std::span(&divisor, 1)));
  if (!counted) return problem("out of memory");
  const ValueId number = new_value();
  finish({Op::cast_like, node.id + ".count", {}, {}, {*counted, sum}, {number}});
  finish({Op::div, node.id, {}, {}, {sum, number}, {result}});
}

Status import_nodes(const onnx::GraphProto& source, Scope& scope, ImportState& state,
                    std::vector<graph::Problem>& problems) {
  NodeImporter importer(scope, state, problems);
  const Result<std::vector<int>> order = node_order(source);
  if (!order) return order.error();
  for (const int i : *order) {
    if (state.ids.size() >= state.limits.nodes) {
      return Error(ErrorCode::kLimitExceeded,
                   "there are more nodes than the limit of " + std::to_string(state.limits.nodes),
                   "raise ModelLimits::nodes if you trust the file");
    }
    const onnx::NodeProto& node = source.node(i);
    if (Status status = importer.import(node, unique_id(node, i, scope.prefix(), state.ids)); !status)
      return status;
  }
  return {};
}

}  // namespace fettle::onnx_import
