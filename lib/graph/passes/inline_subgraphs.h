// SPDX-License-Identifier: Apache-2.0
//
// Control flow: If becomes the branch taken, Loop and Scan become their iterations one after the other. Where
// a condition is computed, both branches stand there, or as many iterations as there can be, and `select`
// takes from them: what is only wanted under a condition is only computed under it
// (lib/graph/conditions.h). A part of `simplify`, which finds conditions and trip counts.
#pragma once

#include "lib/graph/passes.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fettle::graph {

/// A condition that is known: the number of a constant of one boolean.
std::optional<bool> truth(const Value& value);

class SubgraphInliner {
 public:
  SubgraphInliner(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  /// Goes one step with a node that has bodies and inputs of known shapes: a branch, an iteration, or the
  /// end. `next` gets the nodes to be simplified next, in order, the node itself last while there is more to
  /// do for it. What cannot be decided is noted as a problem. Errors: kLimitExceeded, kOutOfMemory.
  Status advance(NodeId id, std::vector<NodeId>& next);

 private:
  // A node on its way.
  struct Expansion {
    std::shared_ptr<const Subgraph> body;  // null before the first step
    std::vector<NodeId> order;             // the body's nodes
    std::size_t cost = 0;                  // of one copy of the body
    std::size_t known_problems = 0;        // when the first copy was made
    bool probed = false;                   // `results` are those of an iteration that does not take place
    std::optional<std::int64_t> trips;     // at most
    bool counts = false;                   // they are no more than a bound: a computed number decides
    std::int64_t iteration = 0;
    /// Whether the iteration takes place, where that is computed; of each iteration so far.
    std::vector<ValueId> live;
    ValueId count = kNoValue;                   // how many take place, where that is computed
    ValueId condition = kNoValue;               // of the next iteration; Loop's alone
    std::vector<ValueId> captures;              // of the body
    std::map<ValueId, ValueId> constants;       // of the body, in the graph
    std::vector<ValueId> results;               // of the last copy
    std::optional<std::vector<ValueId>> taken;  // an If's: those of the branch where the condition holds
    std::vector<ValueId> carried;               // from one iteration to the next
    std::vector<std::vector<ValueId>> scanned;  // what the iterations add to each scan output
  };

  Status begin(NodeId id, std::size_t body, Expansion& expansion);
  Status advance_branch(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  // Computed conditions and trip counts: inline_computed.cc.
  Status advance_computed_branch(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status read_trips(NodeId id, Expansion& expansion);
  Result<bool> begin_iteration(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status keep_where_over(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status keep_pieces(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status cut_to_count(const Node& node, const Expansion& expansion, std::int64_t axis, ValueId all,
                      ValueId to, std::vector<NodeId>& next);
  static bool ends_computed(const Expansion& expansion);
  ValueId add_select(const std::string& id, ValueId condition, ValueId yes, ValueId no, ValueId to,
                     std::vector<NodeId>& next);
  Result<ValueId> add_number(const std::string& id, std::int64_t number, const Shape& shape);

  Status begin_loop(NodeId id, Expansion& expansion);
  Status advance_loop(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status add_iteration(NodeId id, Expansion& expansion, std::int64_t iteration, const std::string& suffix,
                       std::vector<NodeId>& next);
  Status begin_scan(NodeId id, Expansion& expansion);
  Status advance_scan(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status slice(NodeId id, std::size_t input, const Expansion& expansion, std::vector<ValueId>& arguments,
               std::vector<NodeId>& next);

  Status add_body(NodeId id, Expansion& expansion, std::vector<ValueId> arguments, const std::string& suffix,
                  std::vector<NodeId>& next);
  // What a loop without iterations gives: scan outputs of extent 0, whose other extents the file declares, or
  // else an iteration tells that nothing uses.
  std::optional<Subgraph::Declared> scan_result(const Expansion& expansion, std::size_t output) const;
  bool knows_scan_results(NodeId id, const Expansion& expansion) const;
  Status probe(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  Status end(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  std::optional<Shape> shape_of_none(const Node& node, std::size_t output, const Shape& shape) const;
  Status finish_none(NodeId id, const Expansion& expansion);

  ValueId mapped(ValueId value, Expansion& expansion, const std::vector<ValueId>& copies);
  Status finish(NodeId id, Expansion& expansion, std::vector<NodeId>& next);
  void add_result(const std::string& id, ValueId from, ValueId to, std::vector<NodeId>& next);
  Status stack(const Node& node, std::size_t output, std::vector<ValueId> pieces, ValueId to,
               std::vector<NodeId>& next);

  Status problem(NodeId id, std::string reason);
  Status charge(const std::string& id, std::size_t nodes);
  // Makes a node of one result, `to` or a value of its own.
  ValueId add(Node node, ValueId to, std::vector<NodeId>& next);
  ValueId new_value(const std::string& name);

  Graph& graph_;
  PassContext& context_;
  std::map<NodeId, Expansion> expansions_;
  std::size_t nodes_ = 0;  // how many there have been
};

}  // namespace fettle::graph
