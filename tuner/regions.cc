// SPDX-License-Identifier: Apache-2.0
#include "tuner/regions.h"

#include "tuner/at.h"

#include <algorithm>

namespace fettle::tuner {
namespace {

// The candidate whose region covers this one.
const Candidate& region_of(const Space& space, const Candidate& covered) {
  return space.layers[at(covered.region)].candidates[at(covered.region_candidate)];
}

}  // namespace

bool stays_inside(const Space& space, int layer, const Candidate& candidate) {
  if (!candidate.covered()) return !candidate.covers.empty();
  return region_of(space, candidate).covers.back() != layer;
}

bool reads_inside(const Space& space, int producer, const Candidate& reader) {
  if (!reader.covered() || producer < 0) return false;
  if (reader.region == producer) return true;
  const Candidate& region = region_of(space, reader);
  return std::find(region.covers.begin(), region.covers.end(), producer) != region.covers.end();
}

}  // namespace fettle::tuner
