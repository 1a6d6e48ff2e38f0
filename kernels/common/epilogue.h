// SPDX-License-Identifier: Apache-2.0
//
// What is done to a product's result before it is stored: the layer's clamp and, in a region with an
// addition, another tensor and the clamp after it.
#pragma once

#include <fettle/kernel.h>

namespace fettle::kernels {

struct Epilogue {
  Clamp clamp;        ///< of the first part's result; infinite where there is none
  int residual;       ///< the input that is added, or kNoOperand
  Clamp after_added;  ///< clamp of the sum

  /// `layer` has one part, or a second one that check_residual accepts.
  explicit Epilogue(const LayerDesc& layer) noexcept;
};

/// For a layer of two parts, the second an addition: whether what is added is computed and has the result's
/// shape. Layers of one part pass.
Refusal check_residual(const LayerDesc& layer) noexcept;

}  // namespace fettle::kernels
