// SPDX-License-Identifier: Apache-2.0
//
// Tensors in nchwc, as kernels that work on one block of channels at a time see them.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels {

/// Whether all activations are f32, not quantised, and of rank 3 or 4 in nchwc with blocks of that size.
Refusal check_blocked_f32(const LayerDesc& layer, int block) noexcept;

/// Blocks of channels of a tensor in nchwc, the last perhaps filled up with zeros.
inline std::int64_t blocks_of(const TensorDesc& tensor) noexcept {
  return (tensor.shape[1] + tensor.format.block - 1) / tensor.format.block;
}

/// Whether zeros that fill the last block up stay zeros, or there are none: all parts are convolutions or
/// elementwise operators that make zeros of zeros.
bool keeps_padding(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
