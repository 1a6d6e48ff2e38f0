// SPDX-License-Identifier: Apache-2.0
//
// Convolution of tensors with few channels, above all a network's first layer, from nchw or nhwc to nhwc or
// nchwc.
// The input rows that an output row needs are copied with their padding, pixel by pixel, and are so short
// that they stay in the L1 cache; rows that the next output row needs too are copied once. In such a row
// everything under a window lies together. So the product sums over a few long runs, where an indirect
// convolution sums over many of as many numbers as there are channels. Nothing is converted before: pictures
// are read as they come.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Convolutions of few channels in one group, not dilated along rows.
struct PaddedRows {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr Signature kSignatures[] = {{Layout::nchw, Layout::nhwc, DataType::f32},
                                              {Layout::nhwc, Layout::nhwc, DataType::f32},
                                              {Layout::nchw, Layout::nchwc, DataType::f32},
                                              {Layout::nhwc, Layout::nchwc, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::dense;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileSet& tiles, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
