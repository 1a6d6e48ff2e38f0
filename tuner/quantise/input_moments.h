// SPDX-License-Identifier: Apache-2.0
//
// What the inputs of layers are in the mean and how they vary together: moments of im2col patches, by which
// the error of rounded weights is the error of the layer's result.
#pragma once

#include "tuner/quantise/layer_weights.h"
#include "tuner/quantise/visited_run.h"

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace fettle::tuner {

/// Eigen counts in words of the machine.
constexpr Eigen::Index eigen_index(std::int64_t number) { return static_cast<Eigen::Index>(number); }

/// Of a patch, in the order (input channel, tap).
struct InputMoments {
  Eigen::VectorXf mean;
  /// A matrix; where a layer has too many weights per output channel for that, its diagonal, as a column.
  Eigen::MatrixXf covariance;

  /// For a change d of an output channel's weights the mean square of the change of the result around its
  /// mean, which the bias can take up: d' C d.
  double error_of(const Eigen::VectorXf& change) const;
};
/// Of one layer, for each group of its input channels. Of depthwise layers only patches count whose result
/// the fused clamp does not cut off: errors of the others do not show.
using LayerMoments = std::vector<InputMoments>;

/// Of layers with weights, by index in Model::layers, from some thousand patches each, at the same
/// places of every sample.
Result<std::map<std::size_t, LayerMoments>> input_moments(const Model& model, VisitedRun& run,
                                                          KeptSamples& samples,
                                                          const std::vector<std::size_t>& layers,
                                                          const std::function<void(std::size_t)>& progress);

}  // namespace fettle::tuner
