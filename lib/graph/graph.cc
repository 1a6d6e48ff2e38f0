// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/graph.h"

#include "lib/base/memory.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

namespace fettle::graph {

ValueId Graph::add_value(Value value) {
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size()) - 1;
}

Result<ValueId> Graph::add_constant(std::string label, DataType type, const Shape& shape,
                                    std::span<const std::byte> bytes) {
  Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes.size());
  if (!buffer) return std::move(buffer).error();
  auto memory = std::make_shared<AlignedBuffer>(*std::move(buffer));
  if (!bytes.empty()) std::memcpy(memory->bytes().data(), bytes.data(), bytes.size());
  auto constant = std::make_shared<Constant>();
  constant->bytes = memory->bytes();
  constant->owner = std::move(memory);
  Value added;
  added.name = std::move(label) + "#" + std::to_string(values_.size());
  added.type = type;
  added.shape = shape;
  added.constant = std::move(constant);
  return add_value(std::move(added));
}

NodeId Graph::add_node(Node node) {
  nodes_.push_back(std::move(node));
  const auto id = static_cast<NodeId>(nodes_.size()) - 1;
  for (ValueId output : nodes_.back().outputs) {
    if (output != kNoValue) value(output).producer = id;
  }
  return id;
}

void Graph::remove_node(NodeId id) {
  Node& removed = node(id);
  for (ValueId output : removed.outputs) {
    if (output != kNoValue && value(output).producer == id) value(output).producer = kNoNode;
  }
  removed.inputs.clear();
  removed.outputs.clear();
  removed.removed = true;
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& user : nodes_) std::replace(user.inputs.begin(), user.inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
}

std::size_t Graph::live_nodes() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const Node& n) { return !n.removed; }));
}

bool Graph::is_output(ValueId id) const {
  return std::find(outputs.begin(), outputs.end(), id) != outputs.end();
}

std::vector<NodeId> Graph::consumers(ValueId id) const {
  std::vector<NodeId> found;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::vector<ValueId>& used = nodes_[i].inputs;
    if (std::find(used.begin(), used.end(), id) != used.end()) found.push_back(static_cast<NodeId>(i));
  }
  return found;
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(values_.size(), 0);
  for (const Node& user : nodes_) {
    for (ValueId used : user.inputs) {
      if (used != kNoValue) ++counts[static_cast<std::size_t>(used)];
    }
  }
  for (ValueId output : outputs) ++counts[static_cast<std::size_t>(output)];
  return counts;
}

NodeId Graph::sole_consumer(ValueId id) const {
  if (is_output(id)) return kNoNode;
  NodeId found = kNoNode;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId used : nodes_[i].inputs) {
      if (used != id) continue;
      if (found != kNoNode) return kNoNode;
      found = static_cast<NodeId>(i);
    }
  }
  return found;
}

Result<std::vector<NodeId>> Graph::topological_order(std::span<const std::pair<NodeId, NodeId>> pairs) const {
  std::vector<int> waiting(nodes_.size(), 0);
  std::vector<std::vector<NodeId>> users(nodes_.size());
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  for (const auto& [before, after] : pairs) {
    users[static_cast<std::size_t>(before)].push_back(after);
    ++waiting[static_cast<std::size_t>(after)];
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].removed) continue;
    for (ValueId used : nodes_[i].inputs) {
      if (used == kNoValue || value(used).producer == kNoNode) continue;
      users[static_cast<std::size_t>(value(used).producer)].push_back(static_cast<NodeId>(i));
      ++waiting[i];
    }
    if (waiting[i] == 0) ready.push(static_cast<NodeId>(i));
  }
  std::vector<NodeId> order;
  while (!ready.empty()) {
    const NodeId next = ready.top();
    ready.pop();
    order.push_back(next);
    for (NodeId user : users[static_cast<std::size_t>(next)]) {
      if (--waiting[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
  }
  if (order.size() != live_nodes()) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (waiting[i] > 0)
        return Error(ErrorCode::kModelInvalid, name + ": node " + nodes_[i].id + " lies on a cycle",
                     "the file is damaged; export it again");
    }
  }
  return order;
}

Status Graph::compact(std::span<const std::pair<NodeId, NodeId>> pairs) {
  Result<std::vector<NodeId>> order = topological_order(pairs);
  if (!order) return std::move(order).error();
  std::vector<ValueId> renamed(values_.size(), kNoValue);
  std::vector<Value> values;
  const auto keep = [&](ValueId& id) {
    if (id == kNoValue) return;
    ValueId& target = renamed[static_cast<std::size_t>(id)];
    if (target == kNoValue) {
      target = static_cast<ValueId>(values.size());
      values.push_back(std::move(values_[static_cast<std::size_t>(id)]));
      values.back().producer = kNoNode;
    }
    id = target;
  };
  for (ValueId& input : inputs) keep(input);
  std::vector<Node> nodes;
  for (NodeId id : *order) {
    Node kept = std::move(node(id));
    for (ValueId& input : kept.inputs) keep(input);
    for (ValueId& output : kept.outputs) keep(output);
    nodes.push_back(std::move(kept));
  }
  for (ValueId& output : outputs) keep(output);
  values_ = std::move(values);
  nodes_ = std::move(nodes);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId output : nodes_[i].outputs) {
      if (output != kNoValue) value(output).producer = static_cast<NodeId>(i);
    }
  }
  return {};
}

std::optional<std::vector<std::int64_t>> stored_values(const Graph& graph, ValueId id) {
  if (!graph.is_constant(id)) return std::nullopt;
  const Value& value = graph.value(id);
  std::vector<std::int64_t> result;
  const auto read = [&]<typename T>(std::span<const T> values) {
    result.assign(values.begin(), values.end());
  };
  if (value.type == DataType::u8)
    read(value.constant->values<std::uint8_t>());
  else if (value.type == DataType::s8)
    read(value.constant->values<std::int8_t>());
  else if (value.type == DataType::s32)
    read(value.constant->values<std::int32_t>());
  else
    return std::nullopt;
  return result;
}

}  // namespace fettle::graph
