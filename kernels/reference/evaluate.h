// SPDX-License-Identifier: Apache-2.0
//
// Computing one layer with its reference kernel.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <span>

namespace fettle::kernels {

/// Computes a layer on dense nchw bytes, constants and activations alike. Errors: kModelUnsupported when
/// there is no reference kernel for it.
Status evaluate_reference(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                          std::span<const std::span<std::byte>> outputs);

}  // namespace fettle::kernels
