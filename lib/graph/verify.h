// SPDX-License-Identifier: Apache-2.0
//
// What every pass must leave true of a graph, see graph.h.
#pragma once

#include "lib/graph/graph.h"

#include <string>

namespace fettle::graph {

/// What is wrong with the graph, the first thing found; empty if nothing is:
/// - live nodes have ids that are unique and not empty, at least one output, and operands and outputs that
/// are
///   values of the graph;
/// - a value has one producer at most, which lists it as an output; constants and inputs have none;
/// - what the graph's outputs need, directly or through nodes, is an input, a constant or made by a live node
///   (what nothing needs may be in pieces: remove_dead takes it away);
/// - constants have the bytes that their type and shape say;
/// - there is no cycle.
std::string verify(const Graph& graph);

}  // namespace fettle::graph
