// SPDX-License-Identifier: Apache-2.0
//
// Regions of two convolutions, taken apart into the layers that they are made of.
#pragma once

#include "kernels/common/depthwise.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>

namespace fettle::kernels {

/// What an instruction set brings to regions of a depthwise and a pointwise convolution, in either order.
struct ConvPairSet {
  const DepthwiseSet* depthwise;
  const TileSet* tiles;
};

/// Whether the parts follow each other, each with operands of its own behind those of the parts before.
bool is_conv_chain(const LayerDesc& region);

/// The second layer's operand i is the region's i + this: the operands of the second part stand behind those
/// of the first, and its input, the first part's result, takes the place of the last of these.
std::size_t second_operands(const LayerDesc& region);

/// The two convolutions as layers; the second with the addition, if there is one. In nhwc between them.
struct ConvPair {
  LayerDesc first, second;

  /// `region` is a chain.
  explicit ConvPair(const LayerDesc& region);
};

}  // namespace fettle::kernels
