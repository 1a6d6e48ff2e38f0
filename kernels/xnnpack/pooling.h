// SPDX-License-Identifier: Apache-2.0
//
// What the rows for max pooling of floats and of quantised numbers share.
#pragma once

#include "kernels/xnnpack/pixels.h"

#include <fettle/kernel.h>

namespace fettle::kernels::xnnpack {

/// A pool as XNNPACK takes it.
struct Pooling {
  Pixels input;
  Pixels output;
  Window window;
  bool asks_for_padding = false;  // the layer's own pads, before they are fitted to the output
};

/// Reads a max_pool whose input and result have that type.
Refusal read_max_pool(const LayerDesc& layer, Pooling& pooling, DataType type = DataType::f32);

}  // namespace fettle::kernels::xnnpack
