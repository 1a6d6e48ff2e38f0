// SPDX-License-Identifier: Apache-2.0
//
// From a Quantisation to a graph with QuantizeLinear and DequantizeLinear, as quantised models come in files:
// the pass fold_qdq makes integer layers of it.
#pragma once

#include "lib/graph/graph.h"

#include <fettle/error.h>
#include <fettle/quantisation.h>

namespace fettle::graph {

/// `graph` is one of real numbers, after passes. Errors: kInvalidArgument and kUnknownName, which name the
/// layer or value; the graph is then in pieces.
Status quantise_layers(Graph& graph, const Quantisation& quantisation);

}  // namespace fettle::graph
