// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/verify.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace fettle::graph {
namespace {

class Verification {
 public:
  explicit Verification(const Graph& graph) : graph_(graph) {}

  std::string run() {
    for (std::size_t i = 0; i < graph_.node_count() && problem_.empty(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (!graph_.node(id).removed) check_node(id);
    }
    for (std::size_t i = 0; i < graph_.value_count() && problem_.empty(); ++i)
      check_value(static_cast<ValueId>(i));
    for (ValueId input : graph_.inputs) {
      if (is_value(input, "the graph's input") && graph_.value(input).producer != kNoNode)
        fail("input " + graph_.value(input).name + " has a producer");
    }
    for (ValueId output : graph_.outputs) {
      if (is_value(output, "the graph's output")) need(output, "the graph's output");
    }
    check_needed();
    if (problem_.empty() && !graph_.topological_order()) fail("there is a cycle");
    return problem_;
  }

 private:
  void fail(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  bool is_value(ValueId id, std::string_view user) {
    const bool is = id >= 0 && static_cast<std::size_t>(id) < graph_.value_count();
    if (!is) fail(std::string(user) + " is no value of the graph");
    return is;
  }

  void check_node(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.id.empty()) return fail("a node of operator " + std::string(to_string(node.op)) + " has no id");
    if (!ids_.insert(node.id).second) return fail("two nodes are called " + node.id);
    if (node.outputs.empty()) return fail("node " + node.id + " has no output");
    for (ValueId input : node.inputs) {
      if (input != kNoValue) is_value(input, "an operand of " + node.id);
    }
    for (ValueId output : node.outputs) {
      if (output != kNoValue && is_value(output, "an output of " + node.id) &&
          graph_.value(output).producer != id)
        fail("node " + node.id + " is not the producer of its output " + graph_.value(output).name);
    }
  }

  void need(ValueId id, const std::string& user) {
    const Value& value = graph_.value(id);
    const bool is_input = std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
    if (is_input || value.constant != nullptr) return;
    if (value.producer == kNoNode || graph_.node(value.producer).removed)
      return fail(user + " uses " + value.name + ", which nothing computes");
    if (needed_.insert(value.producer).second) waiting_.push_back(value.producer);
  }

  void check_needed() {
    while (problem_.empty() && !waiting_.empty()) {
      const Node& node = graph_.node(waiting_.back());
      waiting_.pop_back();
      for (ValueId input : node.inputs) {
        if (input != kNoValue) need(input, "node " + node.id);
      }
    }
  }

  void check_value(ValueId id) {
    const Value& value = graph_.value(id);
    if (value.producer != kNoNode) {
      const Node& producer = graph_.node(value.producer);
      if (std::find(producer.outputs.begin(), producer.outputs.end(), id) == producer.outputs.end())
        return fail("the producer of " + value.name + " does not list it");
    }
    if (value.constant == nullptr) return;
    if (value.producer != kNoNode) return fail("constant " + value.name + " has a producer");
    if (!value.shape) return fail("constant " + value.name + " has no shape");
    const auto elements = static_cast<std::size_t>(value.shape->elements());
    if (value.constant->bytes.size() != elements * size_of(value.type))
      fail("constant " + value.name + " has " + std::to_string(value.constant->bytes.size()) +
           " bytes, not those of " + value.shape->text() + " " + std::string(to_string(value.type)));
  }

  const Graph& graph_;
  std::unordered_set<std::string_view> ids_;
  std::unordered_set<NodeId> needed_;
  std::vector<NodeId> waiting_;
  std::string problem_;
};

}  // namespace

std::string verify(const Graph& graph) { return Verification(graph).run(); }

}  // namespace fettle::graph
