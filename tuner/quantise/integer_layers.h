// SPDX-License-Identifier: Apache-2.0
//
// Which layers of a network are to compute with integers, and which values then share one form.
#pragma once

#include <fettle/model.h>

#include <set>
#include <string>
#include <vector>

namespace fettle::tuner {

struct IntegerLayers {
  std::vector<std::size_t> layers;       ///< indices into Model::layers, in order
  std::vector<std::vector<int>> groups;  ///< values by number; those of a group have one form

  bool empty() const { return layers.empty(); }
};

/// All that have an integer form but those in `keep`, so that numbers change between the forms no more often
/// than needed: additions and multiplications compute with integers where all their operands do, and what
/// only moves numbers where what is before or behind it does.
IntegerLayers integer_layers(const Model& model, const std::set<std::string>& keep);

}  // namespace fettle::tuner
