// SPDX-License-Identifier: Apache-2.0
//
// The table of what makes nodes, in families, a file each.
#pragma once

#include "tests/fuzz/graphs/builder.h"

#include <span>

namespace fettle::fuzz {

/// Adds one or several nodes that begin with x, a value of floats; kNoValue where they would not be valid.
using GraphMaker = ValueId (*)(GraphBuilder& g, ValueId x);

std::span<const GraphMaker> window_makers();       ///< convolutions, pooling, normalisation, dense layers
std::span<const GraphMaker> elementwise_makers();  ///< arithmetic, functions, comparisons, reductions
std::span<const GraphMaker> movement_makers();     ///< what only moves numbers
std::span<const GraphMaker> composed_makers();     ///< patterns that passes recognise
std::span<const GraphMaker> indexing_makers();     ///< reading, writing and choosing where integers say
std::span<const GraphMaker> sampling_makers();     ///< between pixels; transforms, labels, losses
std::span<const GraphMaker> recurrent_makers();    ///< LSTM, GRU and RNN
std::span<const GraphMaker> quantised_makers();    ///< layers between DequantizeLinear and QuantizeLinear

}  // namespace fettle::fuzz
