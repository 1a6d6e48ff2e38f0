// SPDX-License-Identifier: Apache-2.0
//
// Products that quantise x while they run (dynamic quantisation: DynamicQuantizeLinear with MatMulInteger or
// ConvInteger), on the tiles of 8-bit products: the range of x, its bytes, sums of integers, and real
// numbers.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/q8/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels {

/// What both kinds have in common.
struct DynamicProduct {
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static std::size_t workspace_bytes(const TileQ8Set& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileQ8Set& set, const LayerDesc& layer);
  static Status pack(const TileQ8Set& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileQ8Set& set, const BindArgs& args);
};

/// Convolutions in nhwc.
struct ConvDynamic : DynamicProduct {
  static constexpr std::span<const Signature> kSignatures = kNhwc<>;
  static Refusal supports(const LayerDesc& layer) noexcept;
};

/// Gemm and MatMul.
struct DenseDynamic : DynamicProduct {
  static constexpr std::span<const Signature> kSignatures = kNchw<>;
  static Refusal supports(const LayerDesc& layer) noexcept;
};

}  // namespace fettle::kernels
