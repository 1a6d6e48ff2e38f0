// SPDX-License-Identifier: Apache-2.0
//
// Labels that one term alone has are summed before its product, so that infinities meet in the same order
// whatever kernel multiplies.
//
// Products of more than two terms go two by two, which takes far less work than looking at every combination
// of all labels, and is what kernels are made for: those first whose product is the smallest. Where even that
// is far larger than what there is anyway, the rest stays together, which needs no memory.
#include "lib/graph/passes.h"
#include "lib/graph/unique_ids.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

class Pairs {
  using Labels = std::vector<std::int64_t>;

 public:
  Pairs(Graph& graph, NodeId id, UniqueIds& ids)
      : graph_(graph), id_(id), ids_(ids), inputs_(graph.node(id).inputs) {
    terms_.emplace_back();
    for (const std::int64_t label : graph.node(id).attributes.integers("labels")) {
      if (label < 0)
        terms_.emplace_back();
      else
        terms_.back().push_back(label);
    }
    result_ = std::move(terms_.back());
    terms_.pop_back();
    for (const ValueId input : inputs_) shapes_.push_back(*graph.value(input).shape);
  }

  bool sum_alone() {
    bool changed = false;
    for (std::size_t term = 0; term < terms_.size(); ++term) {
      Labels kept;
      bool sums = false;
      for (std::size_t axis = 0; axis < terms_[term].size(); ++axis) {
        const std::int64_t label = terms_[term][axis];
        if (shapes_[term][static_cast<int>(axis)] != 1 && !varies_beside(term, label))
          sums = true;
        else if (!has(kept, label))
          kept.push_back(label);
      }
      if (!sums) continue;
      const Shape shape = shape_of(term, term, kept);
      inputs_[term] = add_einsum(".sum", {term}, kept, shape);
      terms_[term] = kept;
      shapes_[term] = shape;
      changed = true;
    }
    write();
    return changed;
  }

  bool split() {
    std::int64_t largest = graph_.value(graph_.node(id_).outputs.front()).shape->elements();
    for (const Shape& shape : shapes_) largest = std::max(largest, shape.elements());
    bool changed = false;
    while (terms_.size() > 2) {
      const auto [a, b] = smallest();
      const Labels kept = labels_of(a, b);
      const Shape shape = shape_of(a, b, kept);
      if (shape.elements() / kGrowth > largest) break;
      inputs_[a] = add_einsum(".pair", {a, b}, kept, shape);
      terms_[a] = kept;
      shapes_[a] = shape;
      const auto at = static_cast<std::ptrdiff_t>(b);
      inputs_.erase(inputs_.begin() + at);
      terms_.erase(terms_.begin() + at);
      shapes_.erase(shapes_.begin() + at);
      changed = true;
    }
    write();
    return changed;
  }

 private:
  static constexpr std::int64_t kGrowth = 4;

  void write() {
    graph_.node(id_).inputs = inputs_;
    graph_.node(id_).attributes.set("labels", numbered(terms_, result_));
  }

  // A node before this one, of some of its terms.
  ValueId add_einsum(const char* suffix, const std::vector<std::size_t>& of, const Labels& result,
                     const Shape& shape) {
    Node node{Op::einsum, ids_.take(graph_.node(id_).id + suffix), {}, {}, {}, {}};
    std::vector<Labels> terms;
    for (const std::size_t term : of) {
      node.inputs.push_back(inputs_[term]);
      terms.push_back(terms_[term]);
    }
    node.attributes.set("labels", numbered(terms, result));
    Value value;
    value.name = node.id;
    value.type = graph_.value(node.inputs.front()).type;
    value.shape = shape;
    const ValueId id = graph_.add_value(std::move(value));
    node.outputs = {id};
    graph_.add_node(std::move(node));
    return id;
  }

  static bool has(const Labels& labels, std::int64_t label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  }
  // Whether the result has the label, or a term other than this one with more than one step.
  bool varies_beside(std::size_t term, std::int64_t label) const {
    if (has(result_, label)) return true;
    for (std::size_t other = 0; other < terms_.size(); ++other) {
      for (std::size_t axis = 0; other != term && axis < terms_[other].size(); ++axis) {
        if (terms_[other][axis] == label && shapes_[other][static_cast<int>(axis)] != 1) return true;
      }
    }
    return false;
  }
  // Whether the result or a term other than these two has the label.
  bool needed_beside(std::size_t a, std::size_t b, std::int64_t label) const {
    bool needed = has(result_, label);
    for (std::size_t other = 0; other < terms_.size(); ++other)
      needed = needed || (other != a && other != b && has(terms_[other], label));
    return needed;
  }
  // Of the product of two terms: what other terms or the result need.
  Labels labels_of(std::size_t a, std::size_t b) const {
    Labels kept;
    for (const std::size_t term : {a, b}) {
      for (const std::int64_t label : terms_[term]) {
        if (needed_beside(a, b, label) && !has(kept, label)) kept.push_back(label);
      }
    }
    return kept;
  }
  Shape shape_of(std::size_t a, std::size_t b, const Labels& kept) const {
    Shape shape;
    for (const std::int64_t label : kept) {
      std::int64_t extent = 1;
      for (const std::size_t term : {a, b}) {
        for (std::size_t axis = 0; axis < terms_[term].size(); ++axis) {
          const std::int64_t own = shapes_[term][static_cast<int>(axis)];
          if (terms_[term][axis] == label && own != 1) extent = own;
        }
      }
      shape.push_back(extent);
    }
    return shape;
  }
  std::pair<std::size_t, std::size_t> smallest() const {
    std::pair<std::size_t, std::size_t> best{0, 1};
    std::int64_t least = -1;
    for (std::size_t a = 0; a < terms_.size(); ++a) {
      for (std::size_t b = a + 1; b < terms_.size(); ++b) {
        const std::int64_t elements = shape_of(a, b, labels_of(a, b)).elements();
        if (least >= 0 && elements >= least) continue;
        least = elements;
        best = {a, b};
      }
    }
    return best;
  }
  // As the attribute has them.
  static Labels numbered(const std::vector<Labels>& terms, const Labels& result) {
    Labels all;
    for (const Labels& term : terms) {
      all.insert(all.end(), term.begin(), term.end());
      all.push_back(-1);
    }
    all.insert(all.end(), result.begin(), result.end());
    return all;
  }

  Graph& graph_;
  NodeId id_;
  UniqueIds& ids_;
  std::vector<ValueId> inputs_;
  std::vector<Labels> terms_;
  std::vector<Shape> shapes_;
  Labels result_;
};

}  // namespace

Result<bool> split_einsum(Graph& graph, PassContext& context) {
  context.begin_pass();
  bool changed = false;
  const std::size_t count = graph.node_count();
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<NodeId>(i);
    if (graph.node(id).removed || graph.node(id).op != Op::einsum || graph.node(id).inputs.size() < 2)
      continue;
    Pairs pairs(graph, id, context.ids(graph));
    changed = pairs.sum_alone() || changed;
    changed = pairs.split() || changed;
  }
  return changed;
}

}  // namespace fettle::graph
