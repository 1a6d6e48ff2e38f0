// SPDX-License-Identifier: Apache-2.0
//
// Products of integers, quantised or with an operand that is quantised while the network runs (op.h): what
// all their kernels check.
#pragma once

#include <fettle/kernel.h>

namespace fettle::kernels {

/// Whether the layer is one product of x with constant weights, bias and perhaps scales, in this order, the
/// latter with a number for each of `outputs` output channels (1 or more), and sums that fit 32 bits.
Refusal check_product_operands(const LayerDesc& layer, std::int64_t outputs);
/// The same, with the types of a product that quantises x itself.
Refusal check_dynamic_product(const LayerDesc& layer, std::int64_t outputs);

}  // namespace fettle::kernels
