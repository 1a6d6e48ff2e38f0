// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/order.h"

#include "lib/base/utf8.h"
#include "lib/onnx/scope.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fettle::onnx_import {
namespace {

using Names = std::vector<std::string_view>;

void add_uses(const onnx::NodeProto& node, Names& names);

// What a graph uses of those around it. As deep as graphs are nested in the file, which parsing it bounds.
void add_free_names(const onnx::GraphProto& graph, Names& names) {
  std::unordered_set<std::string_view> own;
  for (const auto& input : graph.input()) own.insert(input.name());
  for (const auto& tensor : graph.initializer()) own.insert(tensor.name());
  for (const auto& tensor : graph.sparse_initializer()) own.insert(tensor.values().name());
  Names used;
  for (const onnx::NodeProto& node : graph.node()) {
    own.insert(node.output().begin(), node.output().end());
    add_uses(node, used);
  }
  for (const auto& output : graph.output()) used.push_back(output.name());
  std::copy_if(used.begin(), used.end(), std::back_inserter(names),
               [&](std::string_view name) { return !own.contains(name); });
}

void add_uses(const onnx::NodeProto& node, Names& names) {
  names.insert(names.end(), node.input().begin(), node.input().end());
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) add_free_names(attribute.g(), names);
  }
}

// Which node makes a value. Names that inputs or initialisers have too are left to the check of names.
std::unordered_map<std::string_view, int> producers_of(const onnx::GraphProto& graph) {
  std::unordered_map<std::string_view, int> producers;
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& output : graph.node(i).output()) {
      if (!output.empty()) producers.emplace(output, i);
    }
  }
  for (const auto& input : graph.input()) producers.erase(input.name());
  for (const auto& tensor : graph.initializer()) producers.erase(tensor.name());
  return producers;
}

// For each node, those that it has to wait for.
std::vector<std::vector<int>> dependencies_of(const onnx::GraphProto& graph) {
  const std::unordered_map<std::string_view, int> producers = producers_of(graph);
  std::vector<std::vector<int>> dependencies(static_cast<std::size_t>(graph.node_size()));
  Names used;
  for (int i = 0; i < graph.node_size(); ++i) {
    used.clear();
    add_uses(graph.node(i), used);
    for (const std::string_view name : used) {
      if (const auto found = producers.find(name); found != producers.end())
        dependencies[static_cast<std::size_t>(i)].push_back(found->second);
    }
  }
  return dependencies;
}

bool is_sorted(const std::vector<std::vector<int>>& dependencies) {
  for (std::size_t i = 0; i < dependencies.size(); ++i) {
    for (const int before : dependencies[i]) {
      if (before >= static_cast<int>(i)) return false;
    }
  }
  return true;
}

// Every node that waits has one of its kind before it, so that going back from any of them ends in a cycle.
Error cycle(const onnx::GraphProto& graph, const std::vector<std::vector<int>>& dependencies,
            const std::vector<int>& waiting) {
  const auto waits = [&](int node) { return waiting[static_cast<std::size_t>(node)] > 0; };
  std::vector<int> path;
  std::vector<char> seen(waiting.size(), 0);
  int node = 0;
  while (!waits(node)) ++node;
  while (seen[static_cast<std::size_t>(node)] == 0) {
    seen[static_cast<std::size_t>(node)] = 1;
    path.push_back(node);
    const std::vector<int>& before = dependencies[static_cast<std::size_t>(node)];
    node = *std::find_if(before.begin(), before.end(), waits);
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), node));
  constexpr std::size_t kMostListed = 10;
  constexpr std::size_t kMostBytes = 100;  // of a name
  std::string text;
  for (std::size_t i = 0; i < path.size() && i < kMostListed; ++i)
    text.append(i == 0 ? "" : ", ").append(node_label(graph.node(path[i]), path[i], kMostBytes));
  if (path.size() > kMostListed) text += " and " + std::to_string(path.size() - kMostListed) + " more";
  return {ErrorCode::kModelInvalid,
          (path.size() == 1 ? "node " + text + " needs its own result"
                            : "nodes " + text +
                                  " form a cycle: each needs a result of the next, and the last "
                                  "one of the first"),
          "export the model again: what repeats belongs into the body of a Loop or Scan"};
}

}  // namespace

std::string node_label(const onnx::NodeProto& node, int number, std::size_t most_bytes) {
  std::string label = node.name();
  if (label.empty() && node.output_size() > 0) label = node.output(0);
  if (label.empty()) label = node.op_type() + "_" + std::to_string(number);
  if (label.size() > most_bytes) label.resize(most_bytes);
  return valid_utf8(label);
}

Result<std::vector<int>> node_order(const onnx::GraphProto& graph) {
  const std::vector<std::vector<int>> dependencies = dependencies_of(graph);
  std::vector<int> order(dependencies.size());
  std::iota(order.begin(), order.end(), 0);
  if (is_sorted(dependencies)) return order;
  order.clear();
  std::vector<int> waiting(dependencies.size(), 0);
  std::vector<std::vector<int>> users(dependencies.size());
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < dependencies.size(); ++i) {
    waiting[i] = static_cast<int>(dependencies[i].size());
    if (waiting[i] == 0) ready.push(static_cast<int>(i));
    for (const int before : dependencies[i])
      users[static_cast<std::size_t>(before)].push_back(static_cast<int>(i));
  }
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int user : users[static_cast<std::size_t>(next)]) {
      if (--waiting[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
  }
  if (order.size() < dependencies.size()) return cycle(graph, dependencies, waiting);
  return order;
}

}  // namespace fettle::onnx_import
