// SPDX-License-Identifier: Apache-2.0
//
// Regions and the values in them: which candidates do not let others see a value.
#pragma once

#include "tuner/space.h"

namespace fettle::tuner {

/// Whether the result never leaves the region that the candidate of `layer`, its producer, belongs to.
bool stays_inside(const Space& space, int layer, const Candidate& candidate);

/// Whether a candidate of a layer that reads the value of `producer` (-1: an input of the network) reads it
/// inside its own region.
bool reads_inside(const Space& space, int producer, const Candidate& reader);

}  // namespace fettle::tuner
