// SPDX-License-Identifier: Apache-2.0
//
// What is known of the numbers in a value before it is computed: between which bounds each lies. Extents that
// a network computes get their bounds from it.
#pragma once

#include "lib/graph/graph.h"

#include <cstddef>
#include <vector>

namespace fettle::graph {

class NodeView;

/// Of how many elements a value's numbers are followed one by one. Others have one interval for all.
inline constexpr std::size_t kFollowedNumbers = 64;

/// The bounds of a constant's numbers, or those that its producer gave: an entry an element, or one for all;
/// empty where nothing is known.
std::vector<Interval> numbers_of(const Value& value);

/// Bounds of what a node gives, after its rule: from those of its operands. Where they leave one number for
/// each element, the value is as good as constant.
void infer_numbers(NodeView& view);

}  // namespace fettle::graph
