// SPDX-License-Identifier: Apache-2.0
//
// Which layers take subnormal numbers for zero.
#pragma once

#include "lib/base/float_mode.h"

#include <fettle/kernel.h>

namespace fettle::runtime {

/// What a layer or region does with subnormal numbers, unless the model keeps them everywhere
/// (ModelOptions::keep_subnormals): the same for every kernel, and for what is computed at load.
Subnormals subnormals_of(const LayerDesc& layer) noexcept;

/// The mode in which a layer computes.
inline FloatMode mode_of(const LayerDesc& layer, bool keep_subnormals) noexcept {
  return FloatMode::standard(keep_subnormals ? Subnormals::keep : subnormals_of(layer));
}

}  // namespace fettle::runtime
