// SPDX-License-Identifier: Apache-2.0
//
// What has been measured: times of candidates, by the setting they were measured in, and of conversions.
#pragma once

#include "tuner/space.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::tuner {

/// A cost with the number of samples behind it.
struct Cost {
  PlanLatency us;
  double quiet_us = 0;  ///< lower quartile: other programs only ever add to a time, so choices go by this
  int samples = 0;
  bool prior = false;     ///< from records alone
  bool in_place = false;  ///< measured in a setting of the highest rank, one that was chosen
};

/// Times are in place: the same candidate costs something else beside other neighbours (caches;
/// concatenations that become views). Of several settings the one of the highest rank speaks for a candidate.
class CostTable {
 public:
  explicit CostTable(const Space& space);

  /// Settings are numbered in the order of this call. `rank`: how well the setting stands for what plans will
  /// be.
  int add_setting(int rank);
  void add_sample(int layer, int candidate, int setting, double us);
  void add_conversion(const std::string& key, std::size_t bytes, double us);
  void set_prior(int layer, int candidate, const Cost& cost);

  /// The candidate's own cost; nothing when it was neither measured nor known before.
  std::optional<Cost> cost(int layer, int candidate) const;
  /// Measured, or estimated from the bytes at the bandwidth of the conversions that were measured.
  /// 0 between equal formats; `from` says nothing of pictures, which arrive as they are.
  double conversion_us(const SpaceValue& value, FormatTag from, FormatTag to) const;
  /// Samples of a candidate over all settings, records included: how well it is known.
  int known_samples(int layer, int candidate) const;

 private:
  struct Conversion {
    std::size_t bytes = 0;
    std::vector<double> samples;
  };
  using Samples = std::map<int, std::vector<double>>;  // by setting

  const Space* space_;
  std::vector<int> ranks_;
  std::vector<std::vector<Samples>> samples_;  // [layer][candidate]
  std::map<std::pair<int, int>, Cost> priors_;
  std::map<std::string, Conversion> conversions_;
};

}  // namespace fettle::tuner
