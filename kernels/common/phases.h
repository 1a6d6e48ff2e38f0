// SPDX-License-Identifier: Apache-2.0
//
// Transposed convolution in nhwc. Output pixels whose positions have the same remainders by the strides, a
// phase, are an ordinary convolution of the input with some of the taps: every tap of the window belongs to
// one phase. So each phase is a product of its own, as in an indirect convolution, whose result's rows are as
// many pixels apart as the stride is wide. Nothing is multiplied by zeros put between pixels, and nothing is
// added up in memory.
//
// A panel holds the weights of its columns for all phases, one behind the other, and the phases take turns
// along the output's lines: a block of panels stays in the L2 cache while all lines pass by, and neighbouring
// pixels are written at about the same time.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Any transposed convolution.
struct Phases {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileSet& tiles, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args);
};

}  // namespace fettle::kernels
