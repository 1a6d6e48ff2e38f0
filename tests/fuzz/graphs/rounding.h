// SPDX-License-Identifier: Apache-2.0
//
// Which operators give results without rounding.
#pragma once

#include "lib/graph/graph.h"

namespace fettle::fuzz {

/// Whether the node's results are exact if its operands are: it moves or compares numbers, or computes with
/// numbers that have come from few bits and have the digits for it.
bool stays_exact(const graph::Graph& graph, const graph::Node& node);

}  // namespace fettle::fuzz
