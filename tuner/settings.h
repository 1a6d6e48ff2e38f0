// SPDX-License-Identifier: Apache-2.0
//
// Settings: whole-network choices that are run to measure many candidates at once.
#pragma once

#include "tuner/space.h"

#include <string>
#include <vector>

namespace fettle::tuner {

/// How well a setting stands for what plans will be, see CostTable.
enum SettingRank : int { kMixedRank = 0, kHomogeneousRank = 1, kChosenRank = 2 };

struct Setting {
  std::string name;  ///< "default", "xnnpack nhwc x2", ...
  Choice choice;
  int rank = kHomogeneousRank;
};

/// The default's choice with pins and regions put right: what settings fall back to.
Choice base_choice(const Space& space);

/// Settings that cover every candidate, the default first: one per kernel family, layout and thread count,
/// more where a layer has several variants of one family, and odd ones for what is left.
std::vector<Setting> covering_settings(const Space& space);

/// A layer's candidate, by numbers.
struct Candidacy {
  int layer;
  int candidate;
};

/// The default with as many of `wanted` as go together, the first of each layer; takes those out of the list.
/// Those under another's region wait, those that nothing can hold are taken out too.
Choice gather(const Space& space, std::vector<Candidacy>& wanted);

/// Settings whose layers change layout from layer to layer, so that conversions of every kind occur. At most
/// two.
std::vector<Setting> mixed_settings(const Space& space);

/// Makes regions and covered layers agree: a region takes its layers, a layer left by its region falls back.
void make_consistent(const Space& space, Choice& choice);

}  // namespace fettle::tuner
