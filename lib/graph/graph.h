// SPDX-License-Identifier: Apache-2.0
//
// The IR: nodes compute values from values. Importers build it, passes rewrite it, the compiler reads it.
//
// Values and nodes live in vectors and are named by index, which stays valid while nodes are added and
// removed; removed entries are tombstones until compact(). A value has at most one producer; constants and
// graph inputs have none.
#pragma once

#include "lib/base/constant.h"

#include <fettle/error.h>
#include <fettle/kernel.h>
#include <fettle/op.h>
#include <fettle/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::graph {

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  ///< an optional operand that is left out
inline constexpr NodeId kNoNode = -1;

/// From the least that a number can be to the most.
struct Interval {
  double low = 0;
  double high = 0;
};

struct Value {
  std::string name;  ///< from the model, unique; may be made up for values that passes create
  DataType type = DataType::undefined;       ///< undefined until inferred
  std::optional<Shape> shape;                ///< empty until inferred; extents >= 0 once inferred
  std::shared_ptr<const Constant> constant;  ///< set for initialisers and folded values
  NodeId producer = kNoNode;
  /// Bit i: the extent of axis i depends on data, and `shape` has the most there can be.
  std::uint8_t bounded = 0;
  /// What inference knows of the numbers that will be computed, see numbers_of.
  std::vector<Interval> numbers = {};
  /// Whether it is known to have no elements (an extent of 0), so that its contents are.
  bool empty() const { return shape && shape->elements() == 0; }

  float scale = 0;              ///< of values that quantised layers use: real = scale * (stored - zero_point)
  std::int32_t zero_point = 0;  ///< 0 for values that are not quantised
};

struct Subgraph;

struct Node {
  Op op = Op::identity;
  std::string id;  ///< unique, never empty, made by the importer before any pass; fusion keeps the id of the
                   ///< main operator
  Attributes attributes;
  std::optional<Clamp> clamp;  ///< fused into the result by the fuse_clamp pass
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  bool removed = false;
  /// What `branch` (then, else), `loop` and `scan` compute, until inlined. Inputs are the operator's own,
  /// then the captures of each body.
  std::vector<std::shared_ptr<const Subgraph>> bodies = {};
  bool quantised = false;  ///< made by the fold_qdq pass: computes in integers, by its values' quantisation
};

class Graph {
 public:
  std::string name;
  std::int64_t opset = 17;      ///< whose meaning the nodes have
  std::vector<ValueId> inputs;  ///< without initialisers
  std::vector<ValueId> outputs;

  ValueId add_value(Value value);
  /// Adds a constant value of dense bytes, which are copied. The name is made unique.
  Result<ValueId> add_constant(std::string name, DataType type, const Shape& shape,
                               std::span<const std::byte> bytes);
  NodeId add_node(Node node);   ///< sets the outputs' producer
  void remove_node(NodeId id);  ///< outputs lose their producer
  /// Lets every consumer of `from` (graph outputs included) use `to`.
  void replace_uses(ValueId from, ValueId to);

  Value& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::size_t value_count() const { return values_.size(); }
  std::size_t node_count() const { return nodes_.size(); }  ///< removed ones included
  std::size_t live_nodes() const;

  bool is_constant(ValueId id) const { return id >= 0 && value(id).constant != nullptr; }
  bool is_output(ValueId id) const;
  /// Nodes that use the value, each once, in index order.
  std::vector<NodeId> consumers(ValueId id) const;
  /// Uses counted with repetition; a graph output counts as one more.
  std::vector<int> use_counts() const;
  /// The one node that uses the value and nothing else does (not a graph output either), else kNoNode.
  NodeId sole_consumer(ValueId id) const;
  /// Live nodes, producers first, and the first of each of `pairs` before the second; ties by index. Errors:
  /// kModelInvalid when there is a cycle. No recursion.
  Result<std::vector<NodeId>> topological_order(std::span<const std::pair<NodeId, NodeId>> pairs = {}) const;
  /// Drops tombstones and values that nothing names, and sorts nodes topologically, with `pairs` as above.
  /// Renumbers.
  Status compact(std::span<const std::pair<NodeId, NodeId>> pairs = {});

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
};

/// The stored numbers of a constant of 8 or 32 bits.
std::optional<std::vector<std::int64_t>> stored_values(const Graph& graph, ValueId id);

/// One problem of a model, for the list of all of them.
struct Problem {
  enum class Kind : std::uint8_t { node, input_shape, input_type };

  std::string node;  ///< the node's id; for an input or output, its name
  std::string op;    ///< as the model spells it; "input" for an input
  std::string reason;
  /// Where it stands in the list: that of the node, for a node in a body that of the node outside. kNoNode
  /// for inputs, which come first.
  NodeId position = kNoNode;
  Kind kind = Kind::node;  ///< what is in the way: a node, what an input's shape leaves open, or its type
  std::string fix = {};    ///< of an input's shape: how it is given, "ids=1xLENGTH"
};

/// A graph inside a node. Its inputs are what the operator gives it, then the values of graphs around it that
/// it names: the captures. As inputs of the node too, those order it like any other operand. The importer has
/// checked that inputs and outputs are as many as the operator needs.
struct Subgraph {
  /// What a file says of a result.
  struct Declared {
    DataType type = DataType::undefined;
    Shape shape;
  };

  Graph graph;
  std::size_t captures = 0;
  /// For each output of the graph, its type and shape where the file says all of both.
  std::vector<std::optional<Declared>> declared;
  std::vector<Problem> problems;  ///< nodes that are not in it; they matter only if the graph is used
};

/// "xxh3:..." of structure, attributes, types and constants' shapes; without names, weights and bound input
/// shapes. Small integer constants (64 elements and less), which are parameters rather than weights, count
/// with their contents.
std::string structure_hash(const Graph& graph);
/// "xxh3:..." of the bytes of all initialisers in order.
std::string weights_hash(const Graph& graph);

}  // namespace fettle::graph
