// SPDX-License-Identifier: Apache-2.0
//
// Computing one layer with its reference kernel.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace fettle::kernels {

/// Computes a layer on dense nchw bytes, constants and activations alike, and gives the name of the kernel.
/// Errors: kModelUnsupported when there is no reference kernel for it.
Result<std::string_view> evaluate_reference(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                                            std::span<const std::span<std::byte>> outputs);

}  // namespace fettle::kernels
