// SPDX-License-Identifier: Apache-2.0
//
// Plans that tests make: one setting for all layers that allow it, or a random variant for each.
#pragma once

#include "tests/common/check.h"

#include <fettle/program.h>

#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace fettle::test {

/// Chooses among a layer's variants; returns its index, or -1 for the default.
using Choose = std::function<int(const std::vector<VariantInfo>& runnable)>;

/// The default plan with each layer's choice in its place. Regions take the layers they cover.
inline Plan make_plan(const Model& model, int threads, const Choose& choose) {
  CompileOptions options;
  options.threads = threads;
  Plan plan = value_of(Program::compile(model, nullptr, options)).effective_plan();
  PlanPoint& point = plan.points.front();
  point.threads = threads;
  std::set<std::string> covered;
  for (const LayerVariants& layer : enumerate_variants(model)) {
    if (covered.contains(layer.layer)) continue;
    std::vector<VariantInfo> runnable;
    for (const VariantInfo& variant : layer.variants) {
      bool overlaps = false;
      for (const std::string& other : variant.variant.covers) overlaps = overlaps || covered.contains(other);
      if (variant.refusal == Refusal::none && !overlaps) runnable.push_back(variant);
    }
    const int chosen = choose(runnable);
    if (chosen < 0) continue;
    const VariantInfo& variant = runnable[static_cast<std::size_t>(chosen)];
    PlanLayer entry;
    entry.variant = variant.variant;
    entry.variant.threads = variant.kernel->threaded ? threads : 1;
    for (const std::string& other : variant.variant.covers) {
      covered.insert(other);
      point.layers.erase(other);
    }
    point.layers[layer.layer] = std::move(entry);
  }
  return plan;
}

/// Kernels whose name ends with `suffix`, in `layout` both ways where they have it.
inline Plan homogeneous_plan(const Model& model, int threads, std::string_view suffix, Layout layout) {
  return make_plan(model, threads, [&](const std::vector<VariantInfo>& variants) {
    int best = -1;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      if (!variants[i].kernel->name.ends_with(suffix) || !variants[i].variant.covers.empty()) continue;
      if (best < 0) best = static_cast<int>(i);
      const Signature& signature = variants[i].variant.signature;
      if (signature.input.layout == layout && signature.output.layout == layout) return static_cast<int>(i);
    }
    return best;
  });
}

/// Any variant for each layer but those of the slow reference.
inline Plan random_plan(const Model& model, int threads, std::uint32_t seed) {
  std::mt19937 random(seed);
  return make_plan(model, threads, [&](const std::vector<VariantInfo>& variants) {
    std::vector<int> fast;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      // Weights in fewer bits change results by more than another order of sums does.
      const bool narrow = variants[i].kernel->rounding > 1000;
      if (!narrow && !variants[i].kernel->name.ends_with(".reference")) fast.push_back(static_cast<int>(i));
    }
    return fast.empty() ? -1 : fast[random() % fast.size()];
  });
}

}  // namespace fettle::test
