// SPDX-License-Identifier: Apache-2.0
//
// No kernel computes in float16 or bfloat16 but the reference, and hardly any CPU does: such layers compute
// in f32. A result is kept as f32 from one layer to the next, and rounded to the type that the model says
// where the network ends, and where a node needs that type. Constants are widened once.
//
// What only moves elements stays as narrow as its operands are. A Cast to a narrow type is rounding that the
// model asks for, and stays. Layers do not depend on the kernels of a build, so that plans fit all builds;
// once there are kernels of these types, what they take is for this pass to leave alone.
#include "lib/base/memory.h"
#include "lib/base/narrow_floats.h"
#include "lib/graph/passes.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

// Operators whose results are elements of their operands, or constants.
bool only_moves(const Node& node) {
  switch (node.op) {
    case Op::concat:
    case Op::split:
    case Op::slice:
    case Op::pad:
    case Op::transpose:
    case Op::reshape:
    case Op::identity:
    case Op::expand:
    case Op::tile:
    case Op::where:
    case Op::gather:
    case Op::gather_elements:
    case Op::gather_nd:
    case Op::one_hot:
    case Op::trilu:
    case Op::reverse_sequence:
    case Op::compress:
    case Op::eye_like:
    case Op::depth_to_space:
    case Op::space_to_depth:
    case Op::channel_shuffle:
      return true;
    case Op::scatter_elements:
    case Op::scatter_nd:
      return node.attributes.string("reduction", "none") == "none";
    default:
      return false;
  }
}

class Widening {
 public:
  Widening(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  Result<bool> run() {
    Result<std::vector<NodeId>> order = graph_.topological_order();
    if (!order) return std::move(order).error();
    for (NodeId id : *order) {
      if (Status status = visit(id); !status) return std::move(status).error();
    }
    for (ValueId& output : graph_.outputs) output = as_declared(output);
    return changed_;
  }

 private:
  bool narrow(ValueId id) const { return id != kNoValue && is_narrow_float(graph_.value(id).type); }

  Status visit(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.op == Op::cast) return visit_cast(id);
    if (!is_narrow(node) || node.op == Op::bit_cast || (only_moves(node) && !moves_wide(node))) {
      for (ValueId& input : graph_.node(id).inputs) input = as_declared(input);
      return {};
    }
    for (std::size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
      Result<ValueId> input = widened(graph_.node(id).inputs[i]);
      if (!input) return std::move(input).error();
      graph_.node(id).inputs[i] = *input;
    }
    for (std::size_t i = 0; i < graph_.node(id).outputs.size(); ++i) make_wide_output(id, i);
    changed_ = true;
    return {};
  }

  bool is_narrow(const Node& node) const {
    const auto is = [this](ValueId value) { return narrow(value); };
    return std::any_of(node.inputs.begin(), node.inputs.end(), is) ||
           std::any_of(node.outputs.begin(), node.outputs.end(), is);
  }

  // Whether an operand is there in f32 because a layer computed it so.
  bool moves_wide(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [this](ValueId value) { return computed_wide_.contains(value); });
  }

  // From a narrow type to f32 takes the result as it was computed; what else a Cast makes of it is made of
  // the number that the model means.
  Status visit_cast(NodeId id) {
    const ValueId from = graph_.node(id).inputs.front();
    const ValueId to = graph_.node(id).outputs.front();
    if (narrow(from) && graph_.value(to).type == DataType::f32) {
      if (computed_wide_.contains(from)) {
        renamed_[to] = wide_.at(from);
        graph_.remove_node(id);
        changed_ = true;
      } else {
        wide_.emplace(from, to);  // others need no second one
      }
      return {};
    }
    graph_.node(id).inputs.front() = as_declared(from);
    return {};
  }

  // The value in f32, if it is of a narrow type.
  Result<ValueId> widened(ValueId value) {
    if (value == kNoValue) return value;
    if (const auto other = renamed_.find(value); other != renamed_.end()) return other->second;
    if (!narrow(value)) return value;
    if (const auto known = wide_.find(value); known != wide_.end()) return known->second;
    if (graph_.is_constant(value)) {
      Result<ValueId> constant = widened_constant(value);
      if (!constant) return std::move(constant).error();
      wide_.emplace(value, *constant);
      return *constant;
    }
    const ValueId wide = copy_of(value, DataType::f32);
    add_cast(value, wide);
    wide_.emplace(value, wide);
    return wide;
  }

  // The value as the model has it, rounded if it was computed in f32.
  ValueId as_declared(ValueId value) {
    if (const auto other = renamed_.find(value); other != renamed_.end()) return other->second;
    if (computed_wide_.contains(value) && graph_.value(value).producer == kNoNode) {
      add_cast(wide_.at(value), value);
      changed_ = true;
    }
    return value;
  }

  void make_wide_output(NodeId id, std::size_t output) {
    const ValueId value = graph_.node(id).outputs[output];
    if (!narrow(value)) return;
    const ValueId wide = copy_of(value, DataType::f32);
    graph_.node(id).outputs[output] = wide;
    graph_.value(wide).producer = id;
    graph_.value(value).producer = kNoNode;
    producers_[value] = {id, output};
    wide_[value] = wide;
    computed_wide_.insert(value);
  }

  ValueId copy_of(ValueId value, DataType type) {
    Value copy = graph_.value(value);
    copy.name += "." + std::string(to_string(type));
    copy.type = type;
    copy.producer = kNoNode;
    return graph_.add_value(std::move(copy));
  }

  // Named after what makes the value, so that plans find the layer again.
  void add_cast(ValueId from, ValueId to) {
    const std::string type(to_string(graph_.value(to).type));
    Node cast{
        Op::cast,
        context_.ids(graph_).take(maker_of(is_narrow_float(graph_.value(to).type) ? to : from) + "." + type),
        {},
        {},
        {from},
        {to}};
    cast.attributes.set("to", type);
    graph_.add_node(std::move(cast));
  }

  // The node that makes a narrow value, and which of its results it is; an input's own name.
  std::string maker_of(ValueId value) const {
    if (const auto known = producers_.find(value); known != producers_.end())
      return numbered(graph_.node(known->second.first).id, known->second.second);
    const NodeId producer = graph_.value(value).producer;
    if (producer == kNoNode) return graph_.value(value).name;
    const std::vector<ValueId>& outputs = graph_.node(producer).outputs;
    const auto at = std::find(outputs.begin(), outputs.end(), value) - outputs.begin();
    return numbered(graph_.node(producer).id, static_cast<std::size_t>(at));
  }
  static std::string numbered(const std::string& id, std::size_t output) {
    return output == 0 ? id : id + "." + std::to_string(output);
  }

  // Values that share their bytes share the wider ones too.
  Result<ValueId> widened_constant(ValueId value) {
    const std::shared_ptr<const Constant> narrow = graph_.value(value).constant;
    std::shared_ptr<const Constant>& wide = constants_[narrow.get()];
    if (!wide) {
      const std::size_t bytes = 2 * narrow->bytes.size();
      if (Status status = charge(bytes); !status) return std::move(status).error();
      Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes);
      if (!buffer) return std::move(buffer).error();
      auto memory = std::make_shared<AlignedBuffer>(*std::move(buffer));
      const std::span<const std::uint16_t> elements = narrow->values<std::uint16_t>();
      widen(graph_.value(value).type, elements,
            {reinterpret_cast<float*>(memory->bytes().data()), elements.size()});
      auto made = std::make_shared<Constant>();
      made->bytes = memory->bytes();
      made->owner = std::move(memory);
      wide = std::move(made);
    }
    const ValueId result = copy_of(value, DataType::f32);
    graph_.value(result).constant = wide;
    return result;
  }

  // All constants of a model, wider: those of its files, and those that folding made. More than that is asked
  // for by a file that names the same bytes again and again.
  Status charge(std::size_t bytes) {
    const ModelLimits& limits = context_.limits;
    context_.widened_bytes += bytes;
    const double most =
        2 * (static_cast<double>(limits.file_bytes) + static_cast<double>(limits.folded_bytes));
    if (static_cast<double>(context_.widened_bytes) <= most) return {};
    return Error(ErrorCode::kLimitExceeded,
                 graph_.name + ": constants of 16 bits need more memory as f32 than twice the limits of " +
                     std::to_string(limits.file_bytes) + " bytes for files and " +
                     std::to_string(limits.folded_bytes) + " for folding",
                 "raise ModelLimits::file_bytes if you trust the file");
  }

  Graph& graph_;
  PassContext& context_;
  std::map<ValueId, ValueId> wide_;                              // f32 of a narrow value
  std::unordered_set<ValueId> computed_wide_;                    // narrow values that are computed as f32
  std::map<ValueId, std::pair<NodeId, std::size_t>> producers_;  // of these
  std::map<ValueId, ValueId> renamed_;                           // results of Casts that are gone
  std::map<const Constant*, std::shared_ptr<const Constant>> constants_;
  bool changed_ = false;
};

}  // namespace

Result<bool> widen_floats(Graph& graph, PassContext& context) {
  context.begin_pass();
  bool any = false;
  for (std::size_t i = 0; i < graph.value_count(); ++i)
    any = any || is_narrow_float(graph.value(static_cast<ValueId>(i)).type);
  return any ? Widening(graph, context).run() : false;
}

}  // namespace fettle::graph
