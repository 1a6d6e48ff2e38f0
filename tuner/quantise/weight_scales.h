// SPDX-License-Identifier: Apache-2.0
//
// The scales of weights, and weights rounded so that the layer's result is best.
#pragma once

#include "tuner/quantise/input_moments.h"
#include "tuner/quantise/layer_weights.h"

#include <cstdint>
#include <vector>

namespace fettle::tuner {

/// One symmetric scale per output channel: of -127..127 over ranges from a half to all of the largest weight
/// the one after whose rounding to nearest the layer's result errs least, the errors of its weights together.
/// The fewer weights a channel has, the more scales are tried: among many, some make the errors cancel. None
/// is so small that the channel's bias were no number of 30 bits in units of it times `input_scale`. 1 for
/// channels without anything but zeros.
std::vector<float> weight_scales(const LayerWeights& weights, const LayerMoments& moments, float input_scale);

/// The stored weights for these scales, each one of its two neighbours, so that the result errs less than
/// when rounded to nearest: coordinate descent on the layer's quadratic error. (What AdaRound, Nagel et al.
/// 2020, relaxes to a continuous problem.)
std::vector<std::int8_t> best_rounding(const LayerWeights& weights, const LayerMoments& moments,
                                       std::span<const float> scales);

/// What to add to the bias of each output channel so that the weights, stored like that, give the same result
/// in the mean (bias correction, Nagel et al. 2019, for the layer's own rounding).
std::vector<float> bias_shift(const LayerWeights& weights, const LayerMoments& moments,
                              std::span<const float> scales, std::span<const std::int8_t> stored);
/// The stored weights rounded to nearest.
std::vector<std::int8_t> nearest(const LayerWeights& weights, std::span<const float> scales);

}  // namespace fettle::tuner
