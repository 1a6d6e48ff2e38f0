// SPDX-License-Identifier: Apache-2.0
//
// Dense layers (Gemm with constant weights): rows of the input times panels of the weights. With one row, the
// usual case, all time goes into reading the weights, which lie in the order in which they are read.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Gemm with constant weights; with a second part, a function of its result.
struct Dense {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNchw<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
