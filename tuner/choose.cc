// SPDX-License-Identifier: Apache-2.0
#include "tuner/choose.h"

#include "tuner/at.h"
#include "tuner/search/pbqp.h"

#include <algorithm>
#include <array>
#include <functional>

namespace fettle::tuner {
namespace {

constexpr int kLayouts = 3;

bool has_layouts(const SpaceValue& value) {
  return value.picture || !same_memory(value.shape, Layout::nchw, Layout::nhwc);
}

// Whether the value never leaves the region that the candidate of `layer`, its producer, belongs to.
bool stays_inside(const Space& space, int layer, const Candidate& candidate) {
  if (!candidate.covered()) return !candidate.covers.empty();
  const Candidate& region = space.layers[at(candidate.region)].candidates[at(candidate.region_candidate)];
  return region.covers.back() != layer;
}

// Whether the candidate of a consumer reads the value from inside its own region.
bool reads_inside(const Space& space, int producer, const Candidate& consumer) {
  if (!consumer.covered() || producer < 0) return false;
  if (consumer.region == producer) return true;
  const Candidate& region = space.layers[at(consumer.region)].candidates[at(consumer.region_candidate)];
  return std::find(region.covers.begin(), region.covers.end(), producer) != region.covers.end();
}

// An option of a value: produced in `from`, also there in the layouts of `there` (a bit each); or never seen
// outside a region.
struct ValueOption {
  bool inside = false;
  Layout from = Layout::nchw;
  unsigned there = 0;
  double cost = 0;

  bool has(Layout layout) const { return (there >> static_cast<unsigned>(layout) & 1u) != 0; }
};

class Chooser {
 public:
  Chooser(const Space& space, const CostTable& table, const ChooseOptions& options)
      : space_(space), table_(table), options_(options) {}

  Selection run() {
    for (std::size_t i = 0; i < space_.layers.size(); ++i) add_layer(static_cast<int>(i));
    for (const auto& [number, value] : space_.values) {
      if (has_layouts(value)) add_value(value);
    }
    for (std::size_t i = 0; i < space_.layers.size(); ++i) tie_regions(static_cast<int>(i));
    const PbqpSolution solution = problem_.solve();
    Selection selection;
    selection.optimal = solution.optimal;
    if (!solution.feasible()) return selection;
    selection.choice.assign(solution.choice.begin(),
                            solution.choice.begin() + static_cast<std::ptrdiff_t>(space_.layers.size()));
    selection.predicted_us = predict(space_, table_, selection.choice, &selection.conversions_us);
    return selection;
  }

 private:
  const std::vector<Candidate>& candidates(int layer) const { return space_.layers[at(layer)].candidates; }

  void add_layer(int layer) {
    std::vector<double> costs;
    for (std::size_t c = 0; c < candidates(layer).size(); ++c) {
      const std::optional<Cost> cost = table_.cost(layer, static_cast<int>(c));
      const bool allowed = cost && candidates(layer)[c].rounding <= options_.most_rounding;
      double thought = candidates(layer)[c].is_default ? 1 - options_.caution : 1;
      if (cost && !cost->in_place) thought *= 1 - options_.optimism;
      costs.push_back(allowed ? thought * cost->quiet_us : kForbidden);
    }
    if (costs.empty()) costs.push_back(kForbidden);
    problem_.add_node(std::move(costs));
  }

  std::vector<ValueOption> options_of(const SpaceValue& value) const {
    unsigned produced = 0;
    unsigned wanted = value.output ? 1u << static_cast<unsigned>(Layout::nchw) : 0u;
    bool inside = false;
    if (value.producer < 0)
      produced = 1u;
    else {
      for (const Candidate& candidate : candidates(value.producer)) {
        if (stays_inside(space_, value.producer, candidate))
          inside = true;
        else
          produced |= 1u << static_cast<unsigned>(candidate.layouts.output);
      }
    }
    for (int consumer : value.consumers) {
      for (const Candidate& candidate : candidates(consumer))
        wanted |= 1u << static_cast<unsigned>(candidate.layouts.input);
    }
    std::vector<ValueOption> options;
    if (inside) options.push_back({true, Layout::nchw, 0, 0});
    for (unsigned from = 0; from < kLayouts; ++from) {
      if ((produced >> from & 1u) == 0) continue;
      const unsigned as_produced = value.picture ? 0u : 1u << from;
      for (unsigned extra = 0; extra < 1u << kLayouts; ++extra) {
        if ((extra & ~wanted) != 0 || (extra & as_produced) != 0) continue;
        ValueOption option{false, static_cast<Layout>(from), extra | as_produced, 0};
        for (unsigned to = 0; to < kLayouts; ++to) {
          if ((extra >> to & 1u) != 0)
            option.cost += table_.conversion_us(value, option.from, static_cast<Layout>(to));
        }
        options.push_back(option);
      }
    }
    return options;
  }

  void add_value(const SpaceValue& value) {
    const std::vector<ValueOption> options = options_of(value);
    std::vector<double> costs;
    for (const ValueOption& option : options) {
      const bool leaves = !value.output || option.has(Layout::nchw);
      costs.push_back(leaves ? option.cost : kForbidden);
    }
    if (costs.empty()) return;
    const int node = problem_.add_node(costs);
    const auto connect = [&](int layer,
                             const std::function<bool(const Candidate&, const ValueOption&)>& allowed) {
      std::vector<double> matrix;
      for (const Candidate& candidate : candidates(layer)) {
        for (const ValueOption& option : options)
          matrix.push_back(allowed(candidate, option) ? 0.0 : kForbidden);
      }
      if (!matrix.empty()) problem_.add_edge(layer, node, matrix);
    };
    if (value.producer >= 0) {
      connect(value.producer, [&](const Candidate& candidate, const ValueOption& option) {
        const bool inside = stays_inside(space_, value.producer, candidate);
        return option.inside == inside && (inside || option.from == candidate.layouts.output);
      });
    }
    for (int consumer : value.consumers) {
      connect(consumer, [&](const Candidate& candidate, const ValueOption& option) {
        if (reads_inside(space_, value.producer, candidate)) return option.inside;
        return !option.inside && option.has(candidate.layouts.input);
      });
    }
  }

  // A region is taken by all of its layers or by none.
  void tie_regions(int layer) {
    for (std::size_t c = 0; c < candidates(layer).size(); ++c) {
      for (int other : candidates(layer)[c].covers) {
        std::vector<double> matrix;
        for (std::size_t x = 0; x < candidates(layer).size(); ++x) {
          for (const Candidate& y : candidates(other)) {
            const bool covered = y.region == layer && y.region_candidate == static_cast<int>(c);
            matrix.push_back((x == c) == covered ? 0.0 : kForbidden);
          }
        }
        problem_.add_edge(layer, other, matrix);
      }
    }
  }

  const Space& space_;
  const CostTable& table_;
  ChooseOptions options_;
  Pbqp problem_;
};

}  // namespace

Selection choose(const Space& space, const CostTable& table, const ChooseOptions& options) {
  return Chooser(space, table, options).run();
}

double predict(const Space& space, const CostTable& table, const Choice& choice,
               std::vector<double>* conversions_us) {
  double sum = 0;
  if (conversions_us != nullptr) conversions_us->assign(space.layers.size(), 0.0);
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const std::optional<Cost> cost = table.cost(static_cast<int>(i), choice[i]);
    sum += cost ? cost->quiet_us : kForbidden;
  }
  for (const auto& entry : space.values) {
    const SpaceValue& value = entry.second;  // no structured binding: the lambda below names it
    if (!has_layouts(value)) continue;
    std::array<bool, kLayouts> there{};
    Layout from = Layout::nchw;
    if (value.producer >= 0) {
      const Candidate& producer = space.layers[at(value.producer)].candidates[at(choice[at(value.producer)])];
      if (stays_inside(space, value.producer, producer)) continue;
      from = producer.layouts.output;
    }
    if (!value.picture) there[static_cast<std::size_t>(from)] = true;
    const auto need = [&](Layout layout, int payer) {
      if (there[static_cast<std::size_t>(layout)]) return;
      there[static_cast<std::size_t>(layout)] = true;
      const double us = table.conversion_us(value, from, layout);
      sum += us;
      if (conversions_us != nullptr && payer >= 0) (*conversions_us)[at(payer)] += us;
    };
    for (int consumer : value.consumers) {
      const Candidate& candidate = space.layers[at(consumer)].candidates[at(choice[at(consumer)])];
      if (!reads_inside(space, value.producer, candidate)) need(candidate.layouts.input, consumer);
    }
    if (value.output) need(Layout::nchw, value.producer);
  }
  return sum;
}

}  // namespace fettle::tuner
