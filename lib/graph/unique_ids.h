// SPDX-License-Identifier: Apache-2.0
//
// Names for nodes that passes add, which no other node has.
#pragma once

#include "lib/graph/graph.h"

#include <string>
#include <unordered_set>

namespace fettle::graph {

class UniqueIds {
 public:
  /// Knows the names of all nodes that the graph has now.
  explicit UniqueIds(const Graph& graph) {
    for (std::size_t i = 0; i < graph.node_count(); ++i) ids_.insert(graph.node(static_cast<NodeId>(i)).id);
  }
  /// `id`, or with a number behind it where that is taken.
  std::string take(const std::string& id) {
    std::string result = id;
    for (int copy = 2; !ids_.insert(result).second; ++copy) result = id + "_" + std::to_string(copy);
    return result;
  }

  /// The node of that name gives it up.
  void release(const std::string& id) { ids_.erase(id); }

 private:
  std::unordered_set<std::string> ids_;
};

}  // namespace fettle::graph
