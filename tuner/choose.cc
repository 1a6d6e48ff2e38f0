// SPDX-License-Identifier: Apache-2.0
#include "tuner/choose.h"

#include "tuner/at.h"
#include "tuner/predict.h"
#include "tuner/regions.h"
#include "tuner/search/format_agreement.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace fettle::tuner {
namespace {

// Formats of one value by their number: in each layout its own type, and where that is f32 those that may
// stand for it; and 8-bit pictures, which no layer reads as they are.
constexpr int kLayouts = 3;
constexpr DataType kReduced[] = {DataType::f16, DataType::bf16};
constexpr int kPictureFormat = kLayouts * (1 + static_cast<int>(std::size(kReduced)));
static_assert(kPictureFormat < kMostFormats);

int number_of(const SpaceValue& value, FormatTag tag) {
  int type = 0;
  if (tag.type != value.type) type = 1 + static_cast<int>(std::ranges::find(kReduced, tag.type) - kReduced);
  return type * kLayouts + static_cast<int>(tag.layout);
}
FormatTag format_of(const SpaceValue& value, int number) {
  const int type = number / kLayouts;
  return {static_cast<Layout>(number % kLayouts), type == 0 ? value.type : kReduced[type - 1]};
}

// Whether there is anything to agree on: not where all ends have the one format.
bool has_formats(const FormattedValue& value) {
  std::set<int> formats(value.producer.formats.begin(), value.producer.formats.end());
  for (const FormatEnd& reader : value.readers) formats.insert(reader.formats.begin(), reader.formats.end());
  formats.erase(kInside);
  return formats.size() > 1;
}

// The problem, and which of its nodes stands for what: nodes of layers come first, with their numbers.
class ProblemBuilder {
 public:
  ProblemBuilder(const Space& space, const CostTable& table, const CostPolicy& policy)
      : space_(space), table_(table), policy_(policy) {}

  void build() {
    for (std::size_t i = 0; i < space_.layers.size(); ++i) add_layer(static_cast<int>(i));
    for (const auto& [number, value] : space_.values) {
      const FormattedValue described = describe(value);
      if (!has_formats(described)) continue;
      const ValueNode node = add_value(problem_, described);
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
    if (value.output) described.readers.push_back({-1, {number_of(value, value.plain())}});
    described.conversion = [this, &value](int from, int to) {
      const FormatTag source = from == kPictureFormat ? value.plain() : format_of(value, from);
      return table_.conversion_us(value, source, format_of(value, to));
    };
    return described;
  }

  FormatEnd producer_of(const SpaceValue& value) const {
    if (value.producer < 0) return {-1, {written(value, value.plain())}};
    FormatEnd end{value.producer, {}};
    for (const Candidate& candidate : candidates(value.producer)) {
      const bool inside = stays_inside(space_, value.producer, candidate);
      end.formats.push_back(inside ? kInside : written(value, candidate.variant.signature.output));
    }
    return with_an_option(value, std::move(end));
  }

  static int written(const SpaceValue& value, FormatTag tag) {
    return value.picture ? kPictureFormat : number_of(value, value.stored(tag));
  }

  FormatEnd reader_of(const SpaceValue& value, int consumer) const {
    FormatEnd end{consumer, {}};
    for (const Candidate& candidate : candidates(consumer)) {
      const bool inside = reads_inside(space_, value.producer, candidate);
      end.formats.push_back(inside ? kInside
                                   : number_of(value, value.stored(candidate.variant.signature.input)));
    }
    return with_an_option(value, std::move(end));
  }

  // A layer without candidates has the one option of its node, which is forbidden.
  static FormatEnd with_an_option(const SpaceValue& value, FormatEnd end) {
    if (end.formats.empty()) end.formats.push_back(number_of(value, value.plain()));
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
