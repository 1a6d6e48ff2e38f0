// SPDX-License-Identifier: Apache-2.0
//
// What is done to a product's result before it is stored: the layer's clamp and, in a region with an
// addition, another tensor and the clamp after it. In a region with an activation results are stored, and its
// function is computed in place while they are in the first cache.
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
  /// In nhwc, elements from one pixel of the residual to the next; 0 without one.
  std::int64_t residual_pitch;

  /// `layer` has one part, or a second one that check_second_part accepts.
  explicit Epilogue(const LayerDesc& layer) noexcept;
  /// The residual among a bound kernel's inputs, or null.
  const float* residual_of(std::span<const void* const> inputs) const noexcept {
    return residual == kNoOperand ? nullptr
                                  : static_cast<const float*>(inputs[static_cast<std::size_t>(residual)]);
  }
};

/// What the hand-written convolutions take: f32 in nhwc, constant weights, alone or with a second part.
Refusal check_nhwc_conv(const LayerDesc& layer) noexcept;

/// For a layer of two parts: whether the second is a function of the first one's result, or the addition of a
/// computed tensor of its shape. Layers of one part pass.
Refusal check_second_part(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
