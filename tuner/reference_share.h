// SPDX-License-Identifier: Apache-2.0
//
// How many layers run on reference kernels, and what share of the work or time they have: a network that is
// slow because of these is to be told from one that is large.
#pragma once

#include <fettle/program.h>
#include <fettle/runtime.h>
#include <fettle/tuner.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::tuner {

struct ReferenceShare {
  std::size_t layers = 0;  ///< on reference kernels
  std::size_t all = 0;     ///< layers that compute anything
  double part = 0;         ///< of what `whole` counts
  double whole = 0;
  struct Layer {
    std::string name;
    double amount;  ///< of what `whole` counts
  };
  std::vector<Layer> named;  ///< those on reference kernels, in order

  void add(std::string_view name, bool reference, double amount) {
    ++all;
    add_other(amount);
    if (!reference) return;
    ++layers;
    part += amount;
    named.push_back({std::string(name), amount});
  }
  /// What takes time and is no layer.
  void add_other(double amount) { whole += amount; }
  double share() const { return whole > 0 ? part / whole : 0; }

  /// "3 of 40 layers run on reference kernels, 71.3 % of the time"; `what` is what the share is of.
  std::string text(const char* what) const {
    if (layers == 0) return "no layer runs on a reference kernel";
    return fmt::format("{} of {} layers run on reference kernels, {:.1f} % of {}", layers, all, 100 * share(),
                       what);
  }
  /// The share of one of them.
  double share_of(const Layer& layer) const { return whole > 0 ? layer.amount / whole : 0; }
  /// ": head/TopK 60.1 %, Det 11.2 % and 3 more", the largest first; empty where there is none.
  std::string names(std::size_t most = 8) const {
    std::vector<Layer> sorted = named;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Layer& a, const Layer& b) { return a.amount > b.amount; });
    std::string text;
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
      text += fmt::format("{} {} {:.1f} %", i == 0 ? ":" : ",", sorted[i].name, 100 * share_of(sorted[i]));
    if (sorted.size() > most) text += fmt::format(" and {} more", sorted.size() - most);
    return text;
  }
};

/// By the estimates of operations.
inline ReferenceShare reference_work(std::span<const StepInfo> steps) {
  ReferenceShare share;
  for (const StepInfo& step : steps) {
    if (!step.alias && !step.conversion)
      share.add(step.layer, step.reference, static_cast<double>(step.operations));
  }
  return share;
}

/// By a profile, parallel to the steps.
inline ReferenceShare reference_time(std::span<const StepInfo> steps, std::span<const StepTime> times) {
  ReferenceShare share;
  for (std::size_t i = 0; i < steps.size() && i < times.size(); ++i) {
    if (steps[i].alias) continue;
    const auto ns = static_cast<double>(times[i].total_ns);
    if (steps[i].conversion)
      share.add_other(ns);
    else
      share.add(steps[i].layer, steps[i].reference, ns);
  }
  return share;
}

/// By the times of the variants that were chosen, as far as they were measured.
inline ReferenceShare reference_time(std::span<const LayerExplanation> layers) {
  ReferenceShare share;
  for (const LayerExplanation& layer : layers) {
    share.add_other(layer.conversions_us);
    for (const VariantCost& variant : layer.variants) {
      if (variant.chosen)
        share.add(layer.layer, variant.reference, variant.samples > 0 ? variant.quiet_us : 0);
    }
  }
  return share;
}

}  // namespace fettle::tuner
