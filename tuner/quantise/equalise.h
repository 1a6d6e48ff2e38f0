// SPDX-License-Identifier: Apache-2.0
//
// Cross-layer equalisation: channels of an activation get alike ranges, so that one scale serves all of them.
#pragma once

#include "tuner/quantise/visited_run.h"

#include <fettle/model.h>
#include <fettle/quantisation.h>

#include <functional>
#include <vector>

namespace fettle::tuner {

/// Pairs of layers and their factors, from the largest magnitude of each channel between them over the
/// samples.
///
/// Weights have a scale per output channel, so that dividing those of the first layer costs nothing; nor does
/// multiplying those of a depthwise second layer: there all channels get the same range. Else the factor is
/// the square root of the ratio of the channel's range to that of its weights in the second layer, so that
/// both share the gain (Nagel et al. 2019, with measured ranges in place of the first layer's weights, as
/// SmoothQuant, Xiao et al. 2023). Empty where no two layers fit.
Result<std::vector<Equalisation>> find_equalisation(const Model& model, VisitedRun& run, KeptSamples& samples,
                                                    const std::function<void(std::size_t)>& progress);

}  // namespace fettle::tuner
