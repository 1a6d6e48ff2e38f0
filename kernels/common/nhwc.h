// SPDX-License-Identifier: Apache-2.0
//
// Tensors in nhwc, as kernels that take Striding::pixels see them.
#pragma once

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels {

/// Elements from one pixel to the next of an nhwc tensor of rank 3 or 4 whose pixels lie at equal distances.
std::int64_t pixel_pitch(const TensorDesc& tensor) noexcept;

/// The same, or in nchwc from one pixel to the next of a block.
std::int64_t pixel_distance(const TensorDesc& tensor) noexcept;

/// The pixels of an image: the product of the extents behind axis 1.
std::int64_t pixels_of(const Shape& shape) noexcept;

/// Whether all activations are f32, not quantised, and of rank 3 or 4 in nhwc.
Refusal check_nhwc_f32(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
