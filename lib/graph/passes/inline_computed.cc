// SPDX-License-Identifier: Apache-2.0
//
// If and Loop whose conditions or trip counts are computed while the network runs. Both branches of an If
// stand in its place, and as many iterations of a Loop as there can be; `select` takes the result of the
// branch that counts, and what the last iteration that takes place has carried.
#include "lib/graph/infer/numbers.h"
#include "lib/graph/passes/inline_subgraphs.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::graph {
namespace {

bool is_scalar(const Value& value, DataType type) {
  return value.type == type && value.shape && value.shape->elements() == 1 && value.bounded == 0;
}

}  // namespace

Status SubgraphInliner::advance_computed_branch(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const std::string instance(graph_.node(id).attributes.string("instance"));
  const ValueId condition = graph_.node(id).inputs.front();
  if (!expansion.body) {
    if (!is_scalar(graph_.value(condition), DataType::boolean))
      return problem(id, "the condition must be one boolean");
    if (Status status = begin(id, 0, expansion); !status) return status;
    return add_body(id, expansion, {}, instance, next);
  }
  if (!expansion.taken) {
    expansion.taken = std::move(expansion.results);
    expansion.constants.clear();  // those of the other body
    if (Status status = begin(id, 1, expansion); !status) return status;
    return add_body(id, expansion, {}, instance, next);
  }
  const std::vector<ValueId> otherwise = std::move(expansion.results);
  if (Status status = charge(graph_.node(id).id, otherwise.size()); !status) return status;
  const Node node = graph_.node(id);
  graph_.remove_node(id);
  context_.ids(graph_).release(node.id);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue)
      add_select(node.id, condition, (*expansion.taken)[i], otherwise[i], node.outputs[i], next);
  }
  expansions_.erase(id);
  return {};
}

// How often a loop runs at most.
Status SubgraphInliner::read_trips(NodeId id, Expansion& expansion) {
  const ValueId operand = graph_.node(id).inputs[0];
  if (operand == kNoValue) return {};
  const Value& value = graph_.value(operand);
  if (!is_scalar(value, DataType::s64)) return problem(id, "the trip count must be one s64");
  const std::vector<Interval> known = numbers_of(value);
  constexpr double kMost = 0x1p62;
  if (value.constant) {
    expansion.trips = value.constant->values<std::int64_t>().front();
    return {};
  }
  if (known.empty() || !(known.front().high < kMost)) {
    return problem(id,
                   "the trip count has no bound (" + value.name +
                       "); bind what decides it to a constant, or export the model with Min of it and the "
                       "most there can be");
  }
  expansion.trips = static_cast<std::int64_t>(std::max(0.0, known.front().high));
  expansion.counts = true;
  return {};
}

// Whether there may be another iteration, and what decides it.
Result<bool> SubgraphInliner::begin_iteration(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const Value& condition = graph_.value(expansion.condition);
  const std::optional<bool> holds = truth(condition);
  if (holds && !*holds) return false;
  const std::string name = graph_.node(id).id + ".live" + std::to_string(expansion.iteration);
  ValueId live = expansion.live.empty() ? kNoValue : expansion.live.back();
  if (!holds) {
    if (!is_scalar(condition, DataType::boolean)) {
      if (Status status = problem(id, "the condition must be one boolean"); !status) return status.error();
      return false;
    }
    if (!expansion.trips) {
      const Status status = problem(
          id,
          "the number of iterations has no bound: its condition is computed, and there is no trip count; "
          "export the model with a trip count that is the most there can be");
      if (!status) return status.error();
      return false;
    }
    if (Status status = charge(name, 1); !status) return status.error();
    // What an iteration that does not take place says counts for nothing.
    live = live == kNoValue ? expansion.condition
                            : add_select(name, live, expansion.condition, live, kNoValue, next);
  }
  if (expansion.counts) {
    const ValueId trips = graph_.node(id).inputs[0];
    const std::vector<Interval> known = numbers_of(graph_.value(trips));
    if (known.front().low <= static_cast<double>(expansion.iteration)) {
      if (Status status = charge(name, 2); !status) return status.error();
      const Result<ValueId> number = add_number(name, expansion.iteration, *graph_.value(trips).shape);
      if (!number) return number.error();
      const ValueId more = add({Op::greater, name, {}, {}, {trips, *number}, {}}, kNoValue, next);
      live = live == kNoValue ? more : add({Op::logical_and, name, {}, {}, {live, more}, {}}, kNoValue, next);
    }
  }
  expansion.live.push_back(live);
  return true;
}

// What an iteration carries on, where it takes place.
Status SubgraphInliner::keep_where_over(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const ValueId live = expansion.live.back();
  if (live == kNoValue) return {};
  const std::string name = graph_.node(id).id + ".carried" + std::to_string(expansion.iteration - 1);
  if (Status status = charge(name, expansion.carried.size()); !status) return status;
  for (std::size_t i = 0; i < expansion.carried.size(); ++i) {
    ValueId& result = expansion.results[1 + i];
    if (result != expansion.carried[i])
      result = add_select(name, live, result, expansion.carried[i], kNoValue, next);
  }
  return {};
}

// What takes the place of scan outputs' pieces in iterations that do not take place: the piece before, of the
// same shape. They are cut off in the end.
Status SubgraphInliner::keep_pieces(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const std::string name = graph_.node(id).id + ".scanned";
  const std::vector<ValueId> outputs = graph_.node(id).outputs;
  for (std::size_t k = 0; k < expansion.scanned.size(); ++k) {
    const std::size_t output = expansion.carried.size() + k;
    if (output >= outputs.size() || outputs[output] == kNoValue) continue;
    std::vector<ValueId>& pieces = expansion.scanned[k];
    if (Status status = charge(name, 2 * pieces.size()); !status) return status;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const Value& piece = graph_.value(pieces[i]);
      if (!piece.shape) return {};  // there is a problem, which is noted
      if (piece.bounded != 0)
        return problem(id,
                       "the number of iterations and the extents of a scan output both depend on the data");
      if (expansion.live[i] == kNoValue) continue;
      ValueId before = i > 0 ? pieces[i - 1] : kNoValue;
      if (before == kNoValue) {
        const std::vector<std::byte> zeros(dense_bytes(*piece.shape, {Layout::nchw, piece.type}));
        const Result<ValueId> constant = graph_.add_constant(name, piece.type, Shape(*piece.shape), zeros);
        if (!constant) return constant.error();
        before = *constant;
      }
      pieces[i] = add_select(name, expansion.live[i], pieces[i], before, kNoValue, next);
    }
  }
  // How many iterations there are.
  const Result<ValueId> none = add_number(name, 0, Shape{1});
  if (!none) return none.error();
  expansion.count = *none;
  if (Status status = charge(name, 3 * expansion.live.size()); !status) return status;
  for (const ValueId live : expansion.live) {
    const Result<ValueId> one = add_number(name, 1, Shape{1});
    if (!one) return one.error();
    ValueId more = *one;
    if (live != kNoValue) {
      Node cast{Op::cast, name, {}, {}, {live}, {}};
      cast.attributes.set("to", std::string("s64"));
      more = add(std::move(cast), kNoValue, next);
      Node list{Op::reshape, name, {}, {}, {more}, {}};
      list.attributes.set("shape", std::vector<std::int64_t>{1});
      more = add(std::move(list), kNoValue, next);
    }
    expansion.count = add({Op::add, name, {}, {}, {expansion.count, more}, {}}, kNoValue, next);
  }
  return {};
}

// The pieces of the iterations that have taken place, from the beginning of all.
Status SubgraphInliner::cut_to_count(const Node& node, const Expansion& expansion, std::int64_t axis,
                                     ValueId all, ValueId to, std::vector<NodeId>& next) {
  const Result<ValueId> none = add_number(node.id, 0, Shape{1});
  if (!none) return none.error();
  Node cut{Op::slice, node.id, {}, {}, {all, *none, expansion.count}, {}};
  cut.attributes.set("axes", std::vector<std::int64_t>{axis});
  cut.attributes.set("steps", std::vector<std::int64_t>{1});
  add(std::move(cut), to, next);
  return {};
}

bool SubgraphInliner::ends_computed(const Expansion& expansion) {
  return std::any_of(expansion.live.begin(), expansion.live.end(),
                     [](ValueId live) { return live != kNoValue; });
}

ValueId SubgraphInliner::add_select(const std::string& id, ValueId condition, ValueId yes, ValueId no,
                                    ValueId to, std::vector<NodeId>& next) {
  return add({Op::select, id, {}, {}, {condition, yes, no}, {}}, to, next);
}

Result<ValueId> SubgraphInliner::add_number(const std::string& id, std::int64_t number, const Shape& shape) {
  return graph_.add_constant(id, DataType::s64, shape, std::as_bytes(std::span(&number, 1)));
}

}  // namespace fettle::graph
