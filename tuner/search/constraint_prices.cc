// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/constraint_prices.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fettle::tuner {
namespace {

constexpr int kRounds = 60;
constexpr int kPatience = 4;                    // rounds without a better bound before steps are halved
constexpr std::int64_t kBranchesPerRound = 50;  // a bound need not be exact
constexpr double kGapGuess = 0.1;               // of the bound, while no choice that fits is known
constexpr double kGapWorthClosing = 1e-9;       // of the cost

// Amounts are bytes here and shares there: steps are taken in units of each constraint's own size.
std::vector<double> units_of(const std::vector<const LinearConstraint*>& constraints) {
  std::vector<double> units;
  for (const LinearConstraint* constraint : constraints) {
    double unit = std::abs(constraint->limit);
    for (const auto& [node, amounts] : constraint->amounts) {
      for (double amount : amounts) unit = std::max(unit, std::abs(amount));
    }
    units.push_back(unit > 0 ? unit : 1);
  }
  return units;
}

class PriceFinder {
 public:
  PriceFinder(const PbqpGraph& graph, const ConstraintState& constraints, const SearchLimits& limits)
      : graph_(graph),
        constraints_(constraints),
        limits_{limits.until, std::min(limits.branches, kBranchesPerRound)},
        units_(units_of(constraints.constraints())) {
    best_.prices.assign(units_.size(), 0.0);
  }

  ConstraintPrices run() {
    std::vector<double> prices = best_.prices;
    double stride = 1;
    int waited = 0;
    for (int round = 0; round < kRounds; ++round) {
      const SearchState relaxed = relax(prices);
      if (relaxed.lower_bound > best_.known.lower_bound) {
        best_.known.lower_bound = relaxed.lower_bound;
        best_.prices = prices;
        waited = 0;
      } else if (++waited == kPatience) {
        stride /= 2;
        waited = 0;
      }
      if (relaxed.choice.empty() || closed() || SearchClock::now() >= limits_.until) break;
      step(prices, relaxed, stride);
    }
    return std::move(best_);
  }

 private:
  // The cheapest choice at these prices.
  SearchState relax(const std::vector<double>& prices) {
    PbqpGraph priced = graph_;
    ConstraintState state = constraints_;
    state.set_prices(prices, priced);
    SearchState relaxed = search_pbqp(priced, priced, ConstraintState(), {}, limits_);
    if (!relaxed.choice.empty() && constraints_.holds(relaxed.choice)) {
      const double cost = graph_.cost_of(relaxed.choice);
      if (cost < best_.known.cost) {
        best_.known.cost = cost;
        best_.known.choice = relaxed.choice;
      }
    }
    return relaxed;
  }

  bool closed() const {
    return best_.known.cost < kForbidden &&
           best_.known.cost - best_.known.lower_bound <= kGapWorthClosing * std::abs(best_.known.cost);
  }

  // Prices rise where the choice uses too much, and fall where it leaves some (Polyak's step).
  void step(std::vector<double>& prices, const SearchState& relaxed, double stride) const {
    std::vector<double> excess;
    double square = 0;
    for (std::size_t c = 0; c < prices.size(); ++c) {
      const LinearConstraint& constraint = *constraints_.constraints()[c];
      excess.push_back((constraint.sum(relaxed.choice) - constraint.limit) / units_[c]);
      if (prices[c] <= 0 && excess[c] < 0) excess[c] = 0;  // cannot fall further
      square += excess[c] * excess[c];
    }
    if (square == 0) return;
    const double bound = best_.known.lower_bound;
    const double goal =
        best_.known.cost < kForbidden ? best_.known.cost : bound + kGapGuess * std::abs(bound);
    const double length = stride * std::max(goal - relaxed.lower_bound, 0.0) / square;
    for (std::size_t c = 0; c < prices.size(); ++c)
      prices[c] = std::max(0.0, prices[c] + length * excess[c] / units_[c]);
  }

  const PbqpGraph& graph_;
  const ConstraintState& constraints_;
  SearchLimits limits_;
  std::vector<double> units_;
  ConstraintPrices best_;
};

}  // namespace

ConstraintPrices find_prices(const PbqpGraph& graph, const ConstraintState& constraints,
                             const SearchLimits& limits) {
  return PriceFinder(graph, constraints, limits).run();
}

}  // namespace fettle::tuner
