// SPDX-License-Identifier: Apache-2.0
//
// Products whose first operand is quantised while the network runs (op.h): what all their kernels check.
#pragma once

#include <fettle/kernel.h>

namespace fettle::kernels {

/// Whether the layer's operands are those of such a product, whatever its operator: x, constant weights, bias
/// and perhaps scales, in this order, with types and counts that fit `outputs` output channels.
Refusal check_dynamic_product(const LayerDesc& layer, std::int64_t outputs);

}  // namespace fettle::kernels
