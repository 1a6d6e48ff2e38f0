// SPDX-License-Identifier: Apache-2.0
#include "tuner/cost_table.h"

#include "tuner/at.h"
#include "tuner/settings.h"
#include "tuner/statistics.h"

#include <algorithm>

namespace fettle::tuner {
namespace {

// For estimates before any conversion has been measured: a small core's copy, on the safe side.
constexpr double kBytesPerMicrosecond = 1000;
constexpr double kConversionOverhead = 0.5;
constexpr std::size_t kEnoughSamples = 3;

Cost summarise(const std::vector<double>& samples) {
  return {median_interval(samples), lower_quartile(samples), static_cast<int>(samples.size())};
}

}  // namespace

CostTable::CostTable(const Space& space) : space_(&space), samples_(space.layers.size()) {
  for (std::size_t i = 0; i < space.layers.size(); ++i) samples_[i].resize(space.layers[i].candidates.size());
}

int CostTable::add_setting(int rank) {
  ranks_.push_back(rank);
  return static_cast<int>(ranks_.size()) - 1;
}

void CostTable::add_sample(int layer, int candidate, int setting, double us) {
  samples_[at(layer)][at(candidate)][setting].push_back(us);
}

void CostTable::add_conversion(const std::string& key, std::size_t bytes, double us) {
  Conversion& conversion = conversions_[key];
  conversion.bytes = bytes;
  conversion.samples.push_back(us);
}

void CostTable::set_prior(int layer, int candidate, const Cost& cost) {
  priors_[{layer, candidate}] = cost;
  priors_[{layer, candidate}].prior = true;
}

std::optional<Cost> CostTable::cost(int layer, int candidate) const {
  if (space_->layers[at(layer)].candidates[at(candidate)].covered()) return Cost{{0, 0, 0}, 0, 1, false};
  const Samples& all = samples_[at(layer)][at(candidate)];
  const std::vector<double>* best = nullptr;
  int best_rank = 0;
  for (const auto& [setting, samples] : all) {
    const int rank = ranks_[at(setting)];
    const bool enough = samples.size() >= kEnoughSamples;
    const bool best_enough = best != nullptr && best->size() >= kEnoughSamples;
    const bool better =
        best == nullptr || (enough && !best_enough) ||
        (enough == best_enough && (enough ? rank > best_rank : samples.size() > best->size()));
    if (!better) continue;
    best = &samples;
    best_rank = rank;
  }
  const auto prior = priors_.find({layer, candidate});
  if (prior != priors_.end() && (best == nullptr || best->size() < kEnoughSamples)) return prior->second;
  if (best == nullptr) return std::nullopt;
  Cost cost = summarise(*best);
  cost.in_place = best_rank == kChosenRank && best->size() >= kEnoughSamples;
  return cost;
}

int CostTable::known_samples(int layer, int candidate) const {
  int known = 0;
  if (const auto prior = priors_.find({layer, candidate}); prior != priors_.end())
    known = prior->second.samples;
  for (const auto& [setting, samples] : samples_[at(layer)][at(candidate)])
    known += static_cast<int>(samples.size());
  return known;
}

double CostTable::conversion_us(const SpaceValue& value, FormatTag from, FormatTag to) const {
  if (!value.picture && from == to) return 0;
  Format source{from.layout, from.type};
  if (value.picture) source = {Layout::nhwc, DataType::u8};
  const Format target{to.layout, to.type};
  const auto found = conversions_.find(conversion_key(value.shape, source, target));
  if (found != conversions_.end()) return lower_quartile(found->second.samples);
  std::vector<double> rates;
  for (const auto& [key, conversion] : conversions_) {
    const double us = lower_quartile(conversion.samples);
    if (us > 0) rates.push_back(static_cast<double>(conversion.bytes) / us);
  }
  const double rate = rates.empty() ? kBytesPerMicrosecond : median(rates);
  return kConversionOverhead + static_cast<double>(dense_bytes(value.shape, target)) / rate;
}

}  // namespace fettle::tuner
