// SPDX-License-Identifier: Apache-2.0
#include "tuner/explain.h"

#include "tuner/predict.h"

#include <algorithm>
#include <tuple>

namespace fettle::tuner {
namespace {

VariantCost describe(const Candidate& candidate, const std::optional<Cost>& cost) {
  VariantCost variant;
  variant.variant = candidate.variant;
  variant.is_default = candidate.is_default;
  variant.reference = candidate.reference;
  if (cost) {
    variant.samples = cost->samples;
    variant.quiet_us = cost->quiet_us;
    variant.us = cost->us;
  }
  return variant;
}

}  // namespace

std::vector<LayerExplanation> explain(const Space& space, const CostTable& table, const Choice& choice) {
  std::vector<double> conversions;
  predict(space, table, choice, &conversions);
  std::vector<LayerExplanation> layers;
  for (std::size_t i = 0; i < space.layers.size(); ++i) {
    const SpaceLayer& layer = space.layers[i];
    LayerExplanation explanation;
    explanation.layer = layer.id;
    explanation.desc = layer.text;
    explanation.conversions_us = conversions[i];
    for (std::size_t c = 0; c < layer.candidates.size(); ++c) {
      const Candidate& candidate = layer.candidates[c];
      const bool chosen = choice[i] == static_cast<int>(c);
      if (candidate.covered() && !chosen) continue;
      VariantCost variant = describe(candidate, table.cost(static_cast<int>(i), static_cast<int>(c)));
      if (candidate.covered())
        variant.covered_by = space.layers[static_cast<std::size_t>(candidate.region)].id;
      variant.chosen = chosen;
      explanation.variants.push_back(std::move(variant));
    }
    for (const Excluded& excluded : layer.excluded) {
      VariantCost variant;
      variant.variant = excluded.variant;
      variant.refusal = excluded.refusal;
      variant.left_out = excluded.left_out;
      explanation.variants.push_back(std::move(variant));
    }
    std::stable_sort(explanation.variants.begin(), explanation.variants.end(),
                     [](const VariantCost& a, const VariantCost& b) {
                       const auto rank = [](const VariantCost& v) {
                         return v.samples > 0 ? 0 : v.refusal == Refusal::none ? 1 : 2;
                       };
                       return std::tuple(rank(a), a.quiet_us) < std::tuple(rank(b), b.quiet_us);
                     });
    layers.push_back(std::move(explanation));
  }
  return layers;
}

}  // namespace fettle::tuner

namespace fettle {

std::string VariantCost::shown_name() const {
  return covered_by.empty() ? variant.kernel : "covered by " + covered_by;
}

}  // namespace fettle
