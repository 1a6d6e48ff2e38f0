// SPDX-License-Identifier: Apache-2.0
//
// Convolution in nhwc as a matrix product whose rows are found through pointers, tap by tap, so that nothing
// is copied: the indirect convolution algorithm (Dukhan 2019, arXiv:1907.02129), with the pointers made for a
// tile at a time instead of kept for the whole image.
//
// A thread takes tiles of output pixels. For each it goes through a block of panels that fits into half of
// the L2 cache, and all its tiles through one block before the next: weights are read from memory once.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Any convolution but depthwise ones; with a second part, the addition of a tensor of the result's shape to
/// it.
struct Indirect {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;
  static constexpr bool kResidualInPlace = true;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileSet& tiles, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

}  // namespace fettle::kernels
