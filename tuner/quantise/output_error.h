// SPDX-License-Identifier: Apache-2.0
//
// How far the outputs of a changed network are from those in floats.
#pragma once

#include "tuner/quantise/visited_run.h"

#include <fettle/model.h>

#include <set>
#include <vector>

namespace fettle::tuner {

/// See LayerSensitivity.
struct OutputError {
  double noise = 0;
  double kl = 0;
};

/// Knows the float outputs of some samples, spread evenly.
class OutputErrors {
 public:
  static Result<OutputErrors> create(VisitedRun& real, KeptSamples& samples, std::size_t most);

  std::size_t count() const { return samples_.size(); }
  /// Of a network as it runs by default, over the first `most` of the samples.
  Result<OutputError> measure(const Model& model, KeptSamples& samples, std::shared_ptr<WeightStore> weights,
                              std::size_t most) const;
  /// Of the float network with values that the visitor changes, over the first `most` of the samples and some
  /// more. Its noise alone.
  Result<double> measure(VisitedRun& run, KeptSamples& samples, const VisitedRun::Visitor& visit,
                         std::size_t most, const std::set<std::size_t>& more) const;

 private:
  struct Sample {
    std::size_t index;
    std::vector<float> outputs;
  };
  std::vector<Sample> samples_;
};

}  // namespace fettle::tuner
