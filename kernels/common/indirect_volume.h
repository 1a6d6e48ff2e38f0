// SPDX-License-Identifier: Apache-2.0
//
// 3-D convolution (of volumes, of clips of pictures) with channels last, as a matrix product whose rows are
// found through pointers: the algorithm of indirect.h over one more axis.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Tensors of rank 5, groups of several channels.
struct IndirectVolume {
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::dense;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileSet& tiles, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
