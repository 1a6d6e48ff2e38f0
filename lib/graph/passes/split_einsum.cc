// SPDX-License-Identifier: Apache-2.0
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

  bool split() {
    std::int64_t largest = graph_.value(graph_.node(id_).outputs.front()).shape->elements();
    for (const Shape& shape : shapes_) largest = std::max(largest, shape.elements());
    bool changed = false;
    while (terms_.size() > 2) {
      const auto [a, b] = smallest();
      const Labels kept = labels_of(a, b);
      const Shape shape = shape_of(a, b, kept);
      if (shape.elements() / kGrowth > largest) break;
      inputs_[a] = multiply(a, b, kept, shape);
      terms_[a] = kept;
      shapes_[a] = shape;
      const auto at = static_cast<std::ptrdiff_t>(b);
      inputs_.erase(inputs_.begin() + at);
      terms_.erase(terms_.begin() + at);
      shapes_.erase(shapes_.begin() + at);
      changed = true;
    }
    graph_.node(id_).inputs = inputs_;
    graph_.node(id_).attributes.set("labels", numbered(terms_, result_));
    return changed;
  }

 private:
  static constexpr std::int64_t kGrowth = 4;

  ValueId multiply(std::size_t a, std::size_t b, const Labels& kept, const Shape& shape) {
    Node pair{Op::einsum, ids_.take(graph_.node(id_).id + ".pair"), {}, {}, {inputs_[a], inputs_[b]}, {}};
    pair.attributes.set("labels", numbered({terms_[a], terms_[b]}, kept));
    Value product;
    product.name = pair.id;
    product.type = graph_.value(inputs_[a]).type;
    product.shape = shape;
    const ValueId result = graph_.add_value(std::move(product));
    pair.outputs = {result};
    graph_.add_node(std::move(pair));
    return result;
  }

  static bool has(const Labels& labels, std::int64_t label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  }
  // Of the product of two terms: what other terms or the result need.
  Labels labels_of(std::size_t a, std::size_t b) const {
    Labels kept;
    for (const std::size_t term : {a, b}) {
      for (const std::int64_t label : terms_[term]) {
        bool needed = has(result_, label);
        for (std::size_t other = 0; other < terms_.size(); ++other)
          needed = needed || (other != a && other != b && has(terms_[other], label));
        if (needed && !has(kept, label)) kept.push_back(label);
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

Result<bool> split_einsum(Graph& graph, PassContext&) {
  bool changed = false;
  const std::size_t count = graph.node_count();
  std::optional<UniqueIds> ids;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<NodeId>(i);
    if (graph.node(id).removed || graph.node(id).op != Op::einsum || graph.node(id).inputs.size() < 3)
      continue;
    if (!ids) ids.emplace(graph);
    changed = Pairs(graph, id, *ids).split() || changed;
  }
  return changed;
}

}  // namespace fettle::graph
