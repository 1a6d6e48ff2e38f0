// SPDX-License-Identifier: Apache-2.0
//
// The table of what makes layers, in families, a file each.
#pragma once

#include "tests/fuzz/layers/parts.h"

#include <span>

namespace fettle::fuzz {

/// Makes layers of one operator.
struct LayerMaker {
  Op op;
  Made (*make)(ByteSource&, Op);
};

std::span<const LayerMaker> window_layers();       ///< convolutions and pooling
std::span<const LayerMaker> product_layers();      ///< products of matrices
std::span<const LayerMaker> elementwise_layers();  ///< one, two and three operands with broadcasting
std::span<const LayerMaker> reduction_layers();    ///< reductions, softmax, normalisations, losses
std::span<const LayerMaker> movement_layers();     ///< what only moves numbers
std::span<const LayerMaker> indexing_layers();     ///< reading and writing where integers say
std::span<const LayerMaker> selection_layers();    ///< choosing elements
std::span<const LayerMaker> sampling_layers();     ///< between pixels, and places of pools
std::span<const LayerMaker> signal_layers();       ///< Fourier transforms, windows
std::span<const LayerMaker> attention_layers();    ///< attention, and what goes with it
std::span<const LayerMaker> recurrent_layers();    ///< LSTM, GRU and RNN
std::span<const LayerMaker> quantised_layers();    ///< integers with a scale, and the borders to floats
std::span<const LayerMaker> region_layers();       ///< several layers that one kernel may cover

}  // namespace fettle::fuzz
