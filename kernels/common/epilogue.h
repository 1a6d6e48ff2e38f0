// SPDX-License-Identifier: Apache-2.0
//
// What is done to a product's result before it is stored: the layer's clamp and, in a region with an
// addition, another tensor and the clamp after it.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels {

struct Epilogue {
  Clamp clamp;        ///< of the first part's result; infinite where there is none
  int residual;       ///< the input that is added, or kNoOperand
  Clamp after_added;  ///< clamp of the sum
  std::int64_t
      residual_pitch;  ///< in nhwc, elements from one pixel of the residual to the next; 0 without one

  /// `layer` has one part, or a second one that check_residual accepts.
  explicit Epilogue(const LayerDesc& layer) noexcept;
  /// The residual among a bound kernel's inputs, or null.
  const float* residual_of(std::span<const void* const> inputs) const noexcept {
    return residual == kNoOperand ? nullptr
                                  : static_cast<const float*>(inputs[static_cast<std::size_t>(residual)]);
  }
};

/// What the hand-written convolutions take: f32 in nhwc, constant weights, alone or with a residual added.
Refusal check_nhwc_conv(const LayerDesc& layer) noexcept;

/// For a layer of two parts, the second an addition: whether what is added is computed and has the result's
/// shape. Layers of one part pass.
Refusal check_residual(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
