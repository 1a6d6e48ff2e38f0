// SPDX-License-Identifier: Apache-2.0
//
// Inference, canonical form and constant folding in one walk: shapes depend on folded values, and folding on
// shapes.
#include "lib/graph/estimates.h"
#include "lib/graph/infer/infer.h"
#include "lib/graph/operators.h"

#include "lib/base/extents.h"
#include "lib/base/memory.h"
#include "lib/graph/passes/inline_subgraphs.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace fettle::graph {
namespace {

bool inputs_known(const Graph& graph, const Node& node) {
  for (ValueId input : node.inputs) {
    if (input != kNoValue && !graph.value(input).shape) return false;
  }
  return true;
}

bool inputs_constant(const Graph& graph, const Node& node) {
  for (ValueId input : node.inputs) {
    if (input != kNoValue && !graph.is_constant(input)) return false;
  }
  return true;
}

class Folding {
 public:
  Folding(Graph& graph, PassContext& context) : graph_(graph), context_(context), inliner_(graph, context) {}

  Result<bool> run() {
    Result<std::vector<NodeId>> order = graph_.topological_order();
    if (!order) return std::move(order).error();
    if (!context_.folded_qdq) note_quantisable_operands();
    take_empty_inputs();
    // What is to be done, the next at the end. What takes the place of a node keeps its position.
    struct Pending {
      NodeId node;
      NodeId position;
    };
    std::vector<Pending> pending;
    for (auto id = order->rbegin(); id != order->rend(); ++id) pending.push_back({*id, *id});
    while (!pending.empty()) {
      const Pending now = pending.back();
      pending.pop_back();
      const std::size_t known = context_.problems.size();
      std::vector<NodeId> next;
      if (Status status = visit(now.node, next); !status) return std::move(status).error();
      for (auto id = next.rbegin(); id != next.rend(); ++id) pending.push_back({*id, now.position});
      for (Problem& problem : std::span(context_.problems).subspan(known)) problem.position = now.position;
    }
    return changed_;
  }

 private:
  // What uses an input without elements uses a constant instead. The input stays, for those who fill it.
  void take_empty_inputs() {
    for (const ValueId input : std::vector<ValueId>(graph_.inputs)) {
      if (!graph_.value(input).empty()) continue;
      if (graph_.consumers(input).empty() && !graph_.is_output(input)) continue;
      Value contents = graph_.value(input);
      contents.name += "#" + std::to_string(graph_.value_count());
      become_empty_constant(contents);
      graph_.replace_uses(input, graph_.add_value(std::move(contents)));
      changed_ = true;
    }
  }

  // Infers and folds one node. `next` gets what takes the place of a node with bodies.
  Status visit(NodeId id, std::vector<NodeId>& next) {
    if (!inputs_known(graph_, graph_.node(id))) return {};  // a node before it has a problem, which is noted
    if (!graph_.node(id).bodies.empty()) {
      changed_ = true;
      return inliner_.advance(id, next);
    }
    if (graph_.node(id).quantised) return {};  // in its final form since fold_qdq
    NodeView view(graph_, id, context_);
    const Rule rule = operator_info(graph_.node(id).op).rule;
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    if (rule == nullptr) {
      view.fail("the operator has no meaning in a graph");
      return {};
    }
    if (!rule(view) || !follow_data(view) || !drop_unknown_outputs(view, outputs)) return {};
    infer_numbers(view);
    return fold_empty(id) ? Status() : fold(id);
  }

  // Results without elements need no computing.
  bool fold_empty(NodeId id) {
    std::vector<ValueId> results;
    for (const ValueId output : graph_.node(id).outputs) {
      if (output == kNoValue) continue;
      if (!graph_.value(output).empty()) return false;
      results.push_back(output);
    }
    graph_.remove_node(id);
    for (const ValueId result : results) become_empty_constant(graph_.value(result));
    changed_ = true;
    return true;
  }

  // Outputs that the node had and its rule says nothing of: fine as long as nothing uses them.
  bool drop_unknown_outputs(NodeView& view, const std::vector<ValueId>& outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i] == kNoValue || graph_.value(outputs[i]).shape) continue;
      if (graph_.is_output(outputs[i]) || !graph_.consumers(outputs[i]).empty())
        return view.fail("output " + std::to_string(i) + " is not supported");
      if (i < view.node().outputs.size()) view.node().outputs[i] = kNoValue;
      graph_.value(outputs[i]).producer = kNoNode;
    }
    return true;
  }

  // A folded result has the extents that were found.
  void trim(ValueId output, ValueId found) {
    const auto extents = graph_.value(found).constant->values<std::int64_t>();
    Value& value = graph_.value(output);
    value.shape = Shape(extents);
    auto constant = std::make_shared<Constant>(*value.constant);
    constant->bytes = constant->bytes.first(dense_bytes(*value.shape, {Layout::nchw, value.type}));
    value.constant = std::move(constant);
  }

  // Integers of which nothing is open, though their operands are computed: the extent of an axis that does
  // not depend on data, of a tensor that does.
  Result<bool> fold_known(NodeId id) {
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    const Value& value = graph_.value(outputs.front());
    const auto exact = [](const Interval& one) { return one.low == one.high; };
    const bool known = outputs.size() == 1 && (value.type == DataType::s64 || value.type == DataType::s32) &&
                       value.bounded == 0 && !value.numbers.empty() &&
                       static_cast<std::int64_t>(value.numbers.size()) == value.shape->elements() &&
                       std::all_of(value.numbers.begin(), value.numbers.end(), exact);
    if (!known) return false;
    Result<std::shared_ptr<AlignedBuffer>> buffer = buffer_for(outputs.front());
    if (!buffer) return std::move(buffer).error();
    std::byte* target = (*buffer)->bytes().data();
    for (const Interval& one : value.numbers) {
      const auto whole = static_cast<std::int64_t>(one.low);
      const auto narrow = static_cast<std::int32_t>(whole);
      const bool wide = value.type == DataType::s64;
      const std::size_t bytes = wide ? sizeof whole : sizeof narrow;
      std::memcpy(target, wide ? static_cast<const void*>(&whole) : &narrow, bytes);
      target += bytes;
    }
    graph_.remove_node(id);
    make_constant(outputs.front(), *std::move(buffer));
    return true;
  }

  Status fold(NodeId id) {
    const Node& node = graph_.node(id);
    const bool shape = node.op == Op::shape || node.op == Op::size;
    if (shape && graph_.value(node.inputs.front()).bounded == 0) return fold_shape(id);
    if (node.inputs.empty() || !inputs_constant(graph_, node)) {
      const Result<bool> folded = fold_known(id);
      return folded ? Status() : Status(folded.error());
    }
    if (node.op == Op::constant_of_shape) return fold_fill(id);
    if (node.op == Op::range) return fold_range(id);
    if (node.op == Op::identity) return fold_identity(id);
    if (node.op == Op::dequantize_linear && stays_quantised(node.outputs.front())) return {};
    return evaluate(id);
  }

  // Both values share the bytes.
  Status fold_identity(NodeId id) {
    const ValueId from = graph_.node(id).inputs.front();
    const ValueId to = graph_.node(id).outputs.front();
    graph_.remove_node(id);
    graph_.value(to).constant = graph_.value(from).constant;
    graph_.value(to).bounded = 0;
    changed_ = true;
    return {};
  }

  // Operands of operators that fold_qdq knows: it wants to see their integers.
  void note_quantisable_operands() {
    quantisable_.assign(graph_.value_count(), 0);
    for (std::size_t i = 0; i < graph_.node_count(); ++i) {
      const Node& node = graph_.node(static_cast<NodeId>(i));
      if (node.removed || !operator_info(node.op).quantisable) continue;
      for (ValueId input : node.inputs) {
        if (input != kNoValue) quantisable_[static_cast<std::size_t>(input)] = 1;
      }
    }
  }
  bool stays_quantised(ValueId value) const {
    const auto index = static_cast<std::size_t>(value);
    return index < quantisable_.size() && quantisable_[index] != 0;
  }

  // Memory for the result of a node, counted against the limit.
  Result<std::shared_ptr<AlignedBuffer>> buffer_for(ValueId output) {
    const Value& value = graph_.value(output);
    const std::size_t bytes = dense_bytes(*value.shape, {Layout::nchw, value.type});
    context_.folded_bytes += bytes;
    if (context_.folded_bytes > context_.limits.folded_bytes) {
      return Error(ErrorCode::kLimitExceeded,
                   graph_.name + ": folding constants needs more than " +
                       std::to_string(context_.limits.folded_bytes) + " bytes",
                   "raise ModelLimits::folded_bytes if you trust the file");
    }
    Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes);
    if (!buffer) return std::move(buffer).error();
    return std::make_shared<AlignedBuffer>(*std::move(buffer));
  }

  // Counts work against the limit: a few small constants may take days to multiply.
  Status count(double operations) {
    context_.folding_operations += operations;
    if (context_.folding_operations <= static_cast<double>(context_.limits.folding_operations)) return {};
    return Error(ErrorCode::kLimitExceeded,
                 graph_.name + ": folding constants needs more than " +
                     std::to_string(context_.limits.folding_operations) + " operations",
                 "raise ModelLimits::folding_operations if you trust the file");
  }

  void make_constant(ValueId output, std::shared_ptr<AlignedBuffer> buffer) {
    auto constant = std::make_shared<Constant>();
    constant->bytes = buffer->bytes();
    constant->owner = std::move(buffer);
    graph_.value(output).constant = std::move(constant);
    graph_.value(output).bounded = 0;
    graph_.value(output).numbers.clear();
    changed_ = true;
  }

  Status evaluate(NodeId id) {
    const Node& node = graph_.node(id);
    const LayerDesc layer = describe(graph_, id);
    const std::size_t bytes_before = context_.folded_bytes;
    const double operations = count_operations(layer);
    if (Status status = count(operations); !status) return status;
    std::vector<ConstantBytes> inputs;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) inputs.push_back(graph_.value(input).constant->bytes);
    }
    std::vector<ValueId> outputs;
    for (ValueId output : node.outputs) {
      if (output != kNoValue) outputs.push_back(output);
    }
    std::vector<std::shared_ptr<AlignedBuffer>> buffers;
    std::vector<std::span<std::byte>> spans;
    for (ValueId output : outputs) {
      Result<std::shared_ptr<AlignedBuffer>> buffer = buffer_for(output);
      if (!buffer) return std::move(buffer).error();
      spans.push_back((*buffer)->bytes());
      buffers.push_back(*std::move(buffer));
    }
    Result<std::string_view> kernel = context_.evaluate(layer, inputs, spans);
    if (!kernel) {
      if (kernel.error().code() != ErrorCode::kModelUnsupported) return std::move(kernel).error();
      context_.folded_bytes = bytes_before;  // the node stays, and is met again in the next round
      context_.folding_operations -= operations;
      return {};
    }
    context_.folded_with.insert(*kernel);
    graph_.remove_node(id);
    for (std::size_t i = 0; i < outputs.size(); ++i) make_constant(outputs[i], std::move(buffers[i]));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const int found = extents_result(layer.main().op, i);
      if (found >= 0) trim(outputs[i], outputs[static_cast<std::size_t>(found)]);
    }
    return {};
  }

  Status fold_shape(NodeId id) {
    const Node node = graph_.node(id);
    const Shape shape = *graph_.value(node.inputs.front()).shape;
    Result<std::shared_ptr<AlignedBuffer>> buffer = buffer_for(node.outputs.front());
    if (!buffer) return std::move(buffer).error();
    auto* target = reinterpret_cast<std::int64_t*>((*buffer)->bytes().data());
    if (node.op == Op::size) {
      *target = shape.elements();
    } else {
      const std::int64_t end = node.attributes.integer("end");
      for (std::int64_t i = node.attributes.integer("start"); i < end; ++i)
        *target++ = shape[static_cast<int>(i)];
    }
    graph_.remove_node(id);
    make_constant(node.outputs.front(), *std::move(buffer));
    return {};
  }

  // ConstantOfShape: the importer has put the element's bytes into the attribute `value`, as integers 0 to
  // 255.
  Status fold_fill(NodeId id) {
    const Node node = graph_.node(id);
    Result<std::shared_ptr<AlignedBuffer>> buffer = buffer_for(node.outputs.front());
    if (!buffer) return std::move(buffer).error();
    const auto element = node.attributes.integers("value");
    const std::span<std::byte> bytes = (*buffer)->bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = element.empty() ? std::byte{0} : static_cast<std::byte>(element[i % element.size()]);
    graph_.remove_node(id);
    make_constant(node.outputs.front(), *std::move(buffer));
    return {};
  }

  Status fold_range(NodeId id) {
    const Node node = graph_.node(id);
    NodeView view(graph_, id, context_);
    Result<std::shared_ptr<AlignedBuffer>> buffer = buffer_for(node.outputs.front());
    if (!buffer) return std::move(buffer).error();
    fill_range(view, (*buffer)->bytes());
    graph_.remove_node(id);
    make_constant(node.outputs.front(), *std::move(buffer));
    return {};
  }

  Graph& graph_;
  PassContext& context_;
  SubgraphInliner inliner_;
  std::vector<char> quantisable_;  // by value; empty once fold_qdq has run
  bool changed_ = false;
};

}  // namespace

Result<bool> simplify(Graph& graph, PassContext& context) {
  context.begin_pass();
  return Folding(graph, context).run();
}

}  // namespace fettle::graph
