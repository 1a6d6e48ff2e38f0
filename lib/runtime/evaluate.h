// SPDX-License-Identifier: Apache-2.0
//
// The evaluator that constant folding is given: the reference kernels.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace fettle::runtime {

/// Computes a layer whose inputs are all constant, dense nchw. Has the type of graph::Evaluator.
Result<std::string_view> evaluate_constant(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                                           std::span<const std::span<std::byte>> outputs);

}  // namespace fettle::runtime
