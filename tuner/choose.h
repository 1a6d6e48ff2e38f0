// SPDX-License-Identifier: Apache-2.0
//
// Choosing: the cheapest plan for the measured table, exactly.
//
// Each layer is a node whose options are its candidates. Each value that can lie in several layouts is a node
// too: its options say in which layout it is produced and into which others it is converted, so that several
// consumers of one format pay one conversion. Inputs of the network arrive in nchw (or as 8-bit pictures),
// outputs leave in nchw. A region and the layers that it covers are tied by infinite edge costs.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/space.h"

#include <limits>
#include <vector>

namespace fettle::tuner {

struct Selection {
  Choice choice;  ///< empty when the table does not allow any
  double predicted_us = 0;
  bool optimal = false;
  std::vector<double>
      conversions_us;  ///< for each layer, of conversions of its inputs; the first consumer pays
};

struct ChooseOptions {
  /// The most that Candidate::rounding may be.
  float most_rounding = std::numeric_limits<float>::infinity();
  /// By what share of their cost candidates that were not in a chosen setting yet are thought to be cheaper
  /// than measured, so that close rivals of what would be chosen get their turn (optimism in the face of
  /// uncertainty: Lai and Robbins 1985). 0 for the choice that is meant.
  double optimism = 0;
  /// By what share of their cost the default's candidates are thought to be cheaper than measured: what then
  /// takes another's place has not won by noise alone.
  double caution = 0;
};

/// Chooses among candidates that have a cost.
Selection choose(const Space& space, const CostTable& table, const ChooseOptions& options = {});

/// What a choice should cost by the table: candidates plus conversions; fills `conversions_us` unless null.
/// Infinite when a candidate has no cost.
double predict(const Space& space, const CostTable& table, const Choice& choice,
               std::vector<double>* conversions_us);

}  // namespace fettle::tuner
