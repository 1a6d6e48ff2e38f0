// SPDX-License-Identifier: Apache-2.0
//
// What importing remembers: names of values in a graph and in those around it, and what the graphs of a model
// share.
#pragma once

#include "lib/graph/graph.h"
#include "lib/onnx/external_files.h"

#include <fettle/limits.h>

#include <onnx.pb.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fettle::onnx_import {

/// How deep graphs may lie inside nodes of graphs. Bounds every recursion over them.
inline constexpr int kMostNesting = 8;
/// How deep functions may call each other: exporters write one for each module, which contain others.
inline constexpr std::size_t kMostCalls = 32;

/// What a call names a function by: domain, name and overload.
using FunctionName = std::tuple<std::string, std::string, std::string>;

/// The ids that nodes have, each with the number that a copy of it would get.
using Ids = std::map<std::string, int>;

/// What all graphs of a model share while they are read.
struct ImportState {
  const ModelLimits& limits;
  ExternalFiles& files;
  Ids ids = {};                                                       ///< of nodes, those of subgraphs too
  std::map<FunctionName, const onnx::FunctionProto*> functions = {};  ///< that the file defines
  std::vector<const onnx::FunctionProto*> calls = {};  ///< whose nodes are being read, the outermost first
  std::size_t call_bytes = 0;                          ///< of all functions, as often as they are called
};

/// The values of a graph under construction, by name.
class Scope {
 public:
  explicit Scope(graph::Graph& graph, Scope* outer = nullptr)
      : graph_(graph),
        outer_(outer),
        depth_(outer == nullptr ? 0 : outer->depth_ + 1),
        opset_(outer == nullptr ? 0 : outer->opset_),
        prefix_(outer == nullptr ? std::string() : outer->prefix_) {}
  /// Of a function that is called in a graph: what it does not name itself, it does not see.
  Scope(graph::Graph& graph, std::string prefix, const Scope& caller)
      : graph_(graph),
        outer_(nullptr),
        depth_(caller.depth_),
        opset_(caller.opset_),
        prefix_(std::move(prefix)) {}

  graph::Graph& graph() { return graph_; }
  int depth() const { return depth_; }  ///< 0 for the model's own graph

  /// The opset that nodes are written for: the graph's, or a function's.
  std::int64_t opset() const { return opset_ == 0 ? graph_.opset : opset_; }
  void set_opset(std::int64_t opset) { opset_ = opset; }
  /// What the names of nodes and values begin with, in the graph.
  const std::string& prefix() const { return prefix_; }

  /// Gives a value of the graph a name here. Errors: kModelInvalid when it is empty, or another has it.
  Status name(const std::string& name, graph::ValueId value);
  /// Adds the value to the graph. Errors: kModelInvalid when it has no name, or another one has the same.
  Status define(graph::Value value);
  /// Says why nothing can use the value. As long as nothing does, the model may have it.
  void mark_unusable(graph::ValueId value, std::string reason) {
    unusable_.emplace(value, std::move(reason));
  }
  /// The reason, in words that may follow its name; null where there is none.
  const std::string* unusable(graph::ValueId value) const;
  /// Defines every initialiser. `where` stands before its name in messages.
  Status define_initialisers(const onnx::GraphProto& source, const std::string& where, ImportState& state);
  /// Whether this graph itself has a value of that name.
  bool contains(const std::string& name) const { return values_.contains(name); }
  /// The value of that name, else kNoValue. A value of a graph around this one becomes an input of this one
  /// and a capture.
  graph::ValueId find(const std::string& name);
  /// The values of the graph around this one that this graph's last inputs stand for.
  const std::vector<graph::ValueId>& captures() const { return captures_; }

 private:
  Status define_unusable(const std::string& name, std::string reason);

  graph::Graph& graph_;
  Scope* outer_;
  int depth_;
  std::int64_t opset_;  // 0: the graph's
  std::string prefix_;
  std::unordered_map<std::string, graph::ValueId> values_;
  std::vector<graph::ValueId> captures_;
  std::unordered_map<graph::ValueId, std::string> unusable_;
};

/// kModelInvalid: the file contradicts itself.
Error invalid(const std::string& what);

}  // namespace fettle::onnx_import
