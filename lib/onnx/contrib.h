// SPDX-License-Identifier: Apache-2.0
//
// Operators of the domain com.microsoft, which ONNX Runtime's optimiser and quantiser write. Each is imported
// as operators that Fettle has.
#pragma once

#include "lib/graph/graph.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::onnx_import {

inline constexpr std::string_view kContribDomain = "com.microsoft";

/// The nodes that take the place of one node.
class Expansion {
 public:
  Expansion(graph::Graph& graph, std::string id) : graph_(graph), id_(std::move(id)) {}

  Attributes attributes = {};                ///< the file's
  std::vector<graph::ValueId> inputs = {};   ///< of the node, kNoValue where one is left out
  std::vector<graph::ValueId> outputs = {};  ///< the same

  graph::Graph& graph() { return graph_; }
  const std::string& id() const { return id_; }
  bool has(std::size_t input) const { return input < inputs.size() && inputs[input] != graph::kNoValue; }
  graph::ValueId in(std::size_t input) const { return has(input) ? inputs[input] : graph::kNoValue; }
  bool wants(std::size_t output) const {
    return output < outputs.size() && outputs[output] != graph::kNoValue;
  }

  /// A node with one result, a new value. Operands that are left out at the end are none.
  graph::ValueId add(Op op, std::string_view suffix, std::vector<graph::ValueId> operands,
                     Attributes node_attributes = {});
  /// The same with so many results.
  std::vector<graph::ValueId> add_several(Op op, std::string_view suffix,
                                          std::vector<graph::ValueId> operands, std::size_t results,
                                          Attributes node_attributes = {});
  /// The node that gives one of the results, under the name of the file's node for the first of them.
  void give(std::size_t output, Op op, std::vector<graph::ValueId> operands, Attributes node_attributes = {});
  /// A constant; kNoValue (and a problem noted) when out of memory.
  graph::ValueId constant(std::string_view suffix, DataType type, const Shape& shape,
                          std::span<const std::byte> bytes);
  graph::ValueId scalar(std::string_view suffix, float value);
  graph::ValueId integers(std::string_view suffix, const std::vector<std::int64_t>& values);

  /// The first reason is kept.
  void fail(std::string reason) {
    if (!problem_) problem_ = std::move(reason);
  }
  const std::optional<std::string>& problem() const { return problem_; }
  std::vector<graph::Node>& nodes() { return nodes_; }

 private:
  graph::ValueId new_value();

  graph::Graph& graph_;
  std::string id_;
  std::vector<graph::Node> nodes_;
  std::optional<std::string> problem_;
};

struct ContribOperator {
  std::string_view name;
  std::size_t least_first;   ///< how many of its first inputs cannot be left out
  std::size_t least_inputs;  ///< how many there are at least
  std::size_t most_inputs;
  std::string_view attributes;  ///< words with spaces between them
  void (*expand)(Expansion&);

  bool has_attribute(std::string_view attribute) const noexcept;
};

/// The operator of that name, if Fettle knows it.
const ContribOperator* find_contrib(std::string_view name) noexcept;

}  // namespace fettle::onnx_import
