// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/weight_scales.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::tuner {
namespace {

constexpr double kLeastRange = 0.5;  // of the largest weight

// An output channel's weights, in the order of covariances.
Eigen::VectorXf column_of(const LayerWeights& weights, std::int64_t output) {
  Eigen::VectorXf column(eigen_index(weights.inputs * weights.taps));
  for (std::int64_t input = 0; input < weights.inputs; ++input) {
    for (std::int64_t tap = 0; tap < weights.taps; ++tap)
      column[eigen_index(input * weights.taps + tap)] = weights.values[weights.at(output, input, tap)];
  }
  return column;
}

Eigen::VectorXf rounding_error(const Eigen::VectorXf& column, float scale) {
  return column.unaryExpr([scale](float weight) {
    return weight - scale * std::clamp(std::nearbyint(weight / scale), -kMostStored, kMostStored);
  });
}

const InputMoments& of_channel(const LayerWeights& weights, const LayerMoments& moments,
                               std::int64_t output) {
  return moments[static_cast<std::size_t>(output / (weights.outputs / weights.groups))];
}

float scale_of_channel(const LayerWeights& weights, const InputMoments& moments, std::int64_t output,
                       float input_scale) {
  const Eigen::VectorXf column = column_of(weights, output);
  const auto bias_at = static_cast<std::size_t>(weights.bias.size() == 1 ? 0 : output);
  const float bias = weights.bias.empty() ? 0 : weights.bias[bias_at];
  const float least_scale = std::abs(bias) / input_scale / static_cast<float>(1 << 30);
  const float whole = column.cwiseAbs().maxCoeff() / kMostStored;
  if (!std::isnormal(whole)) return std::max(1.0f, least_scale);
  if (whole <= least_scale) return least_scale;
  const int cuts = static_cast<int>(std::clamp<std::int64_t>(8192 / column.size(), 16, 256));
  float best = whole;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step <= cuts; ++step) {
    const auto scale = static_cast<float>(static_cast<double>(whole) * (1 - (1 - kLeastRange) * step / cuts));
    if (!std::isnormal(scale) || scale < least_scale) break;
    const double error = moments.error_of(rounding_error(column, scale));
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

std::vector<float> weight_scales(const LayerWeights& weights, const LayerMoments& moments,
                                 float input_scale) {
  std::vector<float> scales;
  for (std::int64_t output = 0; output < weights.outputs; ++output)
    scales.push_back(scale_of_channel(weights, of_channel(weights, moments, output), output, input_scale));
  return scales;
}

std::vector<std::int8_t> best_rounding(const LayerWeights& weights, const LayerMoments& moments,
                                       std::span<const float> scales) {
  constexpr int kSweeps = 8;
  std::vector<std::int8_t> stored(weights.values.size());
  for (std::int64_t output = 0; output < weights.outputs; ++output) {
    const float scale = scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(output)];
    const Eigen::MatrixXf& covariance = of_channel(weights, moments, output).covariance;
    const Eigen::VectorXf column = column_of(weights, output);
    Eigen::VectorXf error = rounding_error(column, scale);
    // With the diagonal alone every error counts by itself, and rounding to nearest is the best.
    const bool together = covariance.cols() == covariance.rows();
    Eigen::VectorXf slope = together ? Eigen::VectorXf(covariance * error) : Eigen::VectorXf();
    for (int sweep = 0, changes = 1; together && sweep < kSweeps && changes > 0; ++sweep) {
      changes = 0;
      for (Eigen::Index i = 0; i < column.size(); ++i) {
        // The neighbour on the other side of the weight.
        const float step = error[i] > 0 ? -scale : scale;
        const float number = (column[i] - error[i] - step) / scale;
        if (std::abs(number) > kMostStored + 0.5f) continue;
        const float gain = 2 * step * slope[i] + step * step * covariance(i, i);
        if (!(gain < 0)) continue;
        error[i] += step;
        slope += step * covariance.col(i);
        ++changes;
      }
    }
    for (std::int64_t input = 0; input < weights.inputs; ++input) {
      for (std::int64_t tap = 0; tap < weights.taps; ++tap) {
        const Eigen::Index i = eigen_index(input * weights.taps + tap);
        const float number = std::nearbyint((column[i] - error[i]) / scale);
        stored[weights.at(output, input, tap)] =
            static_cast<std::int8_t>(std::clamp(number, -kMostStored, kMostStored));
      }
    }
  }
  return stored;
}

std::vector<std::int8_t> nearest(const LayerWeights& weights, std::span<const float> scales) {
  std::vector<std::int8_t> stored(weights.values.size());
  for (std::int64_t output = 0; output < weights.outputs; ++output) {
    const float scale = scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(output)];
    for (std::int64_t i = 0; i < weights.inputs * weights.taps; ++i) {
      const std::size_t at = weights.at(output, i / weights.taps, i % weights.taps);
      stored[at] = static_cast<std::int8_t>(
          std::clamp(std::nearbyint(weights.values[at] / scale), -kMostStored, kMostStored));
    }
  }
  return stored;
}

std::vector<float> bias_shift(const LayerWeights& weights, const LayerMoments& moments,
                              std::span<const float> scales, std::span<const std::int8_t> stored) {
  std::vector<float> shifts;
  for (std::int64_t output = 0; output < weights.outputs; ++output) {
    const float scale = scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(output)];
    const Eigen::VectorXf& mean = of_channel(weights, moments, output).mean;
    float shift = 0;
    for (std::int64_t i = 0; i < weights.inputs * weights.taps; ++i) {
      const std::size_t at = weights.at(output, i / weights.taps, i % weights.taps);
      shift += (weights.values[at] - scale * static_cast<float>(stored[at])) * mean[eigen_index(i)];
    }
    shifts.push_back(shift);
  }
  return shifts;
}

}  // namespace fettle::tuner
