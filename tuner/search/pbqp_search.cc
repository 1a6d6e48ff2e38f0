// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp_search.h"

#include "tuner/at.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace fettle::tuner {
namespace {

// Relative; rounding of reparametrised costs must not keep equal answers apart.
constexpr double kCostRounding = 1e-12;

// One search. The graph shrinks as nodes are eliminated or fixed; the trail says how to choose their options
// afterwards, last eliminated first.
class BranchAndBound {
 public:
  BranchAndBound(const PbqpGraph& graph, SearchState known, const SearchLimits& limits)
      : whole_(graph), limits_(limits), best_(std::move(known)) {}

  SearchState run(const PbqpGraph& priced, const ConstraintState& constraints) {
    descend(priced, constraints);
    best_.complete = hopeless(open_);
    best_.lower_bound = std::max(best_.lower_bound, std::min(open_, best_.cost));
    return std::move(best_);
  }

 private:
  // Takes out the nodes that can be eliminated exactly, cheap ones first; all but `kept`.
  void reduce(PbqpGraph& graph, ConstraintState& constraints, int kept = -1) {
    using Key = std::tuple<std::size_t, std::size_t, int>;  // neighbours, work, node
    std::set<Key> low;
    const auto key_of = [&](int node) {
      return Key{graph.neighbours[at(node)].size(), elimination_work(graph, node), node};
    };
    const auto look = [&](int node) {
      if (node != kept && graph.alive[at(node)] != 0 && graph.neighbours[at(node)].size() <= 2 &&
          !constraints.binds(node))
        low.insert(key_of(node));
    };
    for (std::size_t n = 0; n < graph.costs.size(); ++n) look(static_cast<int>(n));
    while (!low.empty()) {
      const Key key = *low.begin();
      const int node = std::get<2>(key);
      low.erase(low.begin());
      if (graph.alive[at(node)] == 0) continue;
      if (key != key_of(node)) {
        look(node);
        continue;
      }
      const std::vector<int> neighbours(graph.neighbours[at(node)].begin(), graph.neighbours[at(node)].end());
      trail_.push_back(eliminate(graph, node));
      constraints.leave(node, trail_.back().costs);
      for (int other : neighbours) look(other);
    }
  }

  // What the nodes that are gone cost whatever comes: those without neighbours when they went, and fixed
  // ones.
  double settled() const {
    double sum = 0;
    for (const EliminatedNode& gone : trail_) {
      if (gone.edges.empty()) sum += smallest_cost(gone.costs);
    }
    return sum;
  }

  // Every node is gone: reads the choice off the trail, and keeps it if it fits and is the best.
  void finish(const ConstraintState& constraints) {
    std::vector<int> choice(whole_.costs.size(), 0);
    for (auto gone = trail_.rbegin(); gone != trail_.rend(); ++gone) {
      std::vector<double> costs = gone->costs;
      for (const auto& [other, matrix] : gone->edges) {
        const std::size_t columns = whole_.costs[at(other)].size();
        for (std::size_t i = 0; i < costs.size(); ++i)
          costs[i] += matrix[i * columns + at(choice[at(other)])];
      }
      choice[at(gone->node)] = static_cast<int>(std::min_element(costs.begin(), costs.end()) - costs.begin());
    }
    const double cost = whole_.cost_of(choice);
    if (cost >= best_.cost || !constraints.holds(choice)) return;
    best_.cost = cost;
    best_.choice = std::move(choice);
  }

  bool hopeless(double lower) const {
    return lower == kForbidden ||
           (best_.cost < kForbidden && lower >= best_.cost - kCostRounding * std::abs(best_.cost));
  }

  bool out_of_budget() const {
    if (!dived_) return false;
    return (best_.branches >= limits_.branches && best_.cost < kForbidden) ||
           SearchClock::now() >= limits_.until;
  }

  // The node to branch on; -1: none is left. Where constraints bind, the node with the fewest options that
  // still fit (first fail), so that neighbours in the same steps follow each other; then the one with the
  // most neighbours.
  static int next_node(const PbqpGraph& graph, const ConstraintState& constraints) {
    using Key = std::pair<std::size_t, std::ptrdiff_t>;
    int best = -1;
    Key best_key;
    for (std::size_t n = 0; n < graph.costs.size(); ++n) {
      if (graph.alive[n] == 0) continue;
      std::size_t options = std::numeric_limits<std::size_t>::max();
      if (constraints.binds(static_cast<int>(n)))
        options = graph.costs[n].size() - static_cast<std::size_t>(std::count(
                                              graph.costs[n].begin(), graph.costs[n].end(), kForbidden));
      const Key key{options, -static_cast<std::ptrdiff_t>(graph.neighbours[n].size())};
      if (best >= 0 && key >= best_key) continue;
      best = static_cast<int>(n);
      best_key = key;
    }
    return best;
  }

  void descend(PbqpGraph graph, ConstraintState constraints) {
    const std::size_t mark = trail_.size();
    int node = -1;
    if (constraints.propagate(graph)) {
      reduce(graph, constraints);
      node = next_node(graph, constraints);
      if (node < 0) finish(constraints);
    }
    if (node < 0)
      dived_ = true;
    else
      branch(graph, constraints, node);
    trail_.resize(mark);
  }

  // A lower bound on everything below, and how much more the options of `node` cost at least.
  struct Bound {
    double lower;
    std::vector<double> more;
  };

  Bound bound(PbqpGraph& graph, const ConstraintState& constraints, int node) {
    return constraints.binds(node) ? relaxed_bound(graph, constraints, node) : diffusion_bound(graph, node);
  }

  Bound diffusion_bound(PbqpGraph& graph, int node) const {
    const double rest = graph.bound();
    Bound result{settled() + graph.constant + rest, graph.costs[at(node)]};
    const double least = smallest_cost(result.more);
    for (double& cost : result.more) cost = cost == kForbidden ? cost : cost - least;
    return result;
  }

  // Without the constraints the rest can be eliminated too, which gives better bounds: exact ones, but for
  // the constraints, where nothing but the node remains. The cheapest choice is then known as well; it may
  // fit.
  Bound relaxed_bound(const PbqpGraph& graph, const ConstraintState& constraints, int node) {
    const std::size_t mark = trail_.size();
    PbqpGraph relaxed = graph;
    ConstraintState none;
    reduce(relaxed, none, node);
    Bound result = diffusion_bound(relaxed, node);
    if (std::count(relaxed.alive.begin(), relaxed.alive.end(), char{1}) == 1) {
      const auto least = std::min_element(result.more.begin(), result.more.end());
      trail_.push_back(fix(relaxed, node, static_cast<int>(least - result.more.begin())));
      finish(constraints);
    }
    trail_.resize(mark);
    return result;
  }

  void branch(PbqpGraph& graph, const ConstraintState& constraints, int node) {
    const Bound bounds = bound(graph, constraints, node);
    if (hopeless(bounds.lower)) {
      dived_ = true;
      return;
    }
    const std::vector<double>& costs = bounds.more;
    std::vector<int> order(costs.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return costs[at(a)] < costs[at(b)]; });
    for (int option : order) {
      const double lower_here = bounds.lower + costs[at(option)];
      if (hopeless(lower_here)) break;
      if (out_of_budget()) {
        open_ = std::min(open_, lower_here);
        break;
      }
      ++best_.branches;
      PbqpGraph fixed = graph;
      ConstraintState taken = constraints;
      const std::size_t mark = trail_.size();
      trail_.push_back(fix(fixed, node, option));
      taken.leave(node, trail_.back().costs);
      descend(std::move(fixed), std::move(taken));
      trail_.resize(mark);
    }
  }

  const PbqpGraph& whole_;
  SearchLimits limits_;
  std::vector<EliminatedNode> trail_;
  SearchState best_;
  double open_ = kForbidden;  // the least bound of what the budget left out
  bool dived_ = false;        // the first descent has come to its end
};

}  // namespace

SearchState search_pbqp(const PbqpGraph& graph, const PbqpGraph& priced, const ConstraintState& constraints,
                        SearchState known, const SearchLimits& limits) {
  return BranchAndBound(graph, std::move(known), limits).run(priced, constraints);
}

}  // namespace fettle::tuner
