// SPDX-License-Identifier: Apache-2.0
//
// What portable kernels of quantised layers share.
#pragma once

#include "kernels/common/integer_product.h"
#include "kernels/common/q8/bytes.h"

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels::portable {

/// Whether every operand and result is quantised, and all of rank 3 and more have one layout, nchw or nhwc.
Refusal uniform_q8(const LayerDesc& layer);

// The entries of quantised layers, and of those that quantise an operand.
const Kernel& conv_q8_entry() noexcept;
const Kernel& depthwise_q8_entry() noexcept;
const Kernel& conv_dynamic_entry() noexcept;
std::span<const Kernel* const> product_q8_entries() noexcept;
std::span<const Kernel* const> product_dynamic_entries() noexcept;
std::span<const Kernel* const> pooling_q8_entries() noexcept;
std::span<const Kernel* const> convert_q8_entries() noexcept;
std::span<const Kernel* const> elementwise_q8_entries() noexcept;

}  // namespace fettle::kernels::portable
