// SPDX-License-Identifier: Apache-2.0
//
// Layers whose tensors are all alike in type and layout.
#pragma once

#include <fettle/kernel.h>

namespace fettle::kernels {

/// Whether the tensor is f32 and not quantised.
bool is_plain_f32(const TensorDesc& tensor) noexcept;
/// Whether every tensor is f32 and not quantised, and all activations of rank 3 and more have one layout,
/// nchw or nhwc.
Refusal uniform_f32(const LayerDesc& layer) noexcept;
/// The layout that the layer's activations have.
Layout layout_of(const LayerDesc& layer) noexcept;
/// A part's clamp, or that of the last part; infinite when there is none.
Clamp clamp_of(const LayerPart& part) noexcept;
Clamp clamp_of(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
