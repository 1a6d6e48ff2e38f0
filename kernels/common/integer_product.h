// SPDX-License-Identifier: Apache-2.0
//
// Products of integers, quantised or with an operand that is quantised while the network runs (op.h): what
// all their kernels check.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>
#include <span>

namespace fettle::kernels {

/// Whether the layer is one product of x with constant weights, bias and perhaps scales, in this order, the
/// latter with a number for each of `outputs` output channels (1 or more), and sums that fit 32 bits.
Refusal check_product_operands(const LayerDesc& layer, std::int64_t outputs);
/// Whether the tensor is in that layout, or has none: constants, and those of fewer axes than 3.
bool fits_layout(const TensorDesc& tensor, Layout layout) noexcept;
/// 8-bit numbers with a scale that can be computed with.
bool is_quantised(const TensorDesc& tensor) noexcept;
/// The same for a conv, gemm or matmul of quantised values with constant weights of x's type: x, weight,
/// bias, and scales if there; nchw or nhwc.
Refusal check_q8_product(const LayerDesc& layer, std::int64_t outputs);
/// What the sums of an output channel are multiplied by then; `constants` are the layer's.
float multiplier_of(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                    std::int64_t output) noexcept;
/// The same, with the types of a product that quantises x itself.
Refusal check_dynamic_product(const LayerDesc& layer, std::int64_t outputs);

}  // namespace fettle::kernels
