// SPDX-License-Identifier: Apache-2.0
#include "tuner/choose.h"

#include "tuner/at.h"
#include "tuner/predict.h"
#include "tuner/regions.h"
#include "tuner/search/format_agreement.h"

#include <cstddef>
#include <map>
#include <utility>

namespace fettle::tuner {
namespace {

// Formats of values: layouts by their number, and 8-bit pictures, which no layer reads as they are.
constexpr int kPictureFormat = 3;

int format_of(Layout layout) { return static_cast<int>(layout); }

// The problem, and which of its nodes stands for what: nodes of layers come first, with their numbers.
class ProblemBuilder {
 public:
  ProblemBuilder(const Space& space, const CostTable& table, const CostPolicy& policy)
      : space_(space), table_(table), policy_(policy) {}

  void build() {
    for (std::size_t i = 0; i < space_.layers.size(); ++i) add_layer(static_cast<int>(i));
    for (const auto& [number, value] : space_.values) {
      if (!value.has_layouts()) continue;
      const ValueNode node = add_value(problem_, describe(value));
      if (node.node >= 0) values_[number] = node;
    }
    for (std::size_t i = 0; i < space_.layers.size(); ++i) tie_regions(static_cast<int>(i));
  }

  const SelectionProblem& problem() const { return problem_; }
  const std::map<int, ValueNode>& values() const { return values_; }

 private:
  const std::vector<Candidate>& candidates(int layer) const { return space_.layers[at(layer)].candidates; }

  void add_layer(int layer) {
    std::vector<double> costs;
    for (std::size_t c = 0; c < candidates(layer).size(); ++c)
      costs.push_back(policy_us(policy_, table_, space_, layer, static_cast<int>(c)));
    if (costs.empty()) costs.push_back(kForbidden);
    problem_.add_node(costs);
  }

  FormattedValue describe(const SpaceValue& value) const {
    FormattedValue described;
    described.producer = producer_of(value);
    for (int consumer : value.consumers) described.readers.push_back(reader_of(value, consumer));
    if (value.output) described.readers.push_back({-1, {format_of(Layout::nchw)}});
    described.conversion = [this, &value](int from, int to) {
      const Layout source = from == kPictureFormat ? Layout::nchw : static_cast<Layout>(from);
      return table_.conversion_us(value, source, static_cast<Layout>(to));
    };
    return described;
  }

  FormatEnd producer_of(const SpaceValue& value) const {
    if (value.producer < 0) return {-1, {written(value, Layout::nchw)}};
    FormatEnd end{value.producer, {}};
    for (const Candidate& candidate : candidates(value.producer)) {
      const bool inside = stays_inside(space_, value.producer, candidate);
      end.formats.push_back(inside ? kInside : written(value, candidate.layouts.output));
    }
    return with_an_option(std::move(end));
  }

  static int written(const SpaceValue& value, Layout layout) {
    return value.picture ? kPictureFormat : format_of(layout);
  }

  FormatEnd reader_of(const SpaceValue& value, int consumer) const {
    FormatEnd end{consumer, {}};
    for (const Candidate& candidate : candidates(consumer)) {
      const bool inside = reads_inside(space_, value.producer, candidate);
      end.formats.push_back(inside ? kInside : format_of(candidate.layouts.input));
    }
    return with_an_option(std::move(end));
  }

  // A layer without candidates has the one option of its node, which is forbidden.
  static FormatEnd with_an_option(FormatEnd end) {
    if (end.formats.empty()) end.formats.push_back(format_of(Layout::nchw));
    return end;
  }

  // A region is taken by all of its layers or by none.
  void tie_regions(int layer) {
    for (std::size_t c = 0; c < candidates(layer).size(); ++c) {
      for (int other : candidates(layer)[c].covers) {
        EdgeMatrix matrix;
        for (std::size_t x = 0; x < candidates(layer).size(); ++x) {
          for (const Candidate& y : candidates(other)) {
            const bool covered = y.region == layer && y.region_candidate == static_cast<int>(c);
            matrix.push_back((x == c) == covered ? 0.0 : kForbidden);
          }
        }
        if (!matrix.empty()) problem_.add_edge(layer, other, matrix);
      }
    }
  }

  const Space& space_;
  const CostTable& table_;
  const CostPolicy& policy_;
  SelectionProblem problem_;
  std::map<int, ValueNode> values_;
};

}  // namespace

Selection choose(const Space& space, const CostTable& table, const CostPolicy& policy, Solver solve) {
  ProblemBuilder builder(space, table, policy);
  builder.build();
  const SelectionAnswer answer = solve(builder.problem(), {});
  Selection selection;
  selection.optimal = answer.optimal;
  if (!answer.feasible) return selection;
  for (const auto& [value, node] : builder.values()) {
    if (node.bound_reached(answer.choice)) selection.bound_reached.push_back(value);
  }
  selection.choice.assign(answer.choice.begin(),
                          answer.choice.begin() + static_cast<std::ptrdiff_t>(space.layers.size()));
  selection.predicted_us = predict(space, table, selection.choice, nullptr);
  return selection;
}

}  // namespace fettle::tuner
