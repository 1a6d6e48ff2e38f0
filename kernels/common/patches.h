// SPDX-License-Identifier: Apache-2.0
//
// Transposed convolution to few channels, in nhwc. With strides each step of the window over the output
// uncovers a patch of as many pixels as the strides span, and all of them are made of the same pixels of the
// input. So a patch is one pixel of an ordinary convolution whose channels are those of all its pixels: they
// fill vectors where those of one pixel would not. Its tiles are computed aside and cut into pixels, which
// stay in the first cache for that long.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Transposed convolutions with strides, not dilated, of which a group's output channels fill a vector at
/// most; refused where there would be more to multiply than pixel by pixel.
struct Patches {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;
  /// Where a window is no multiple of the stride, pixels of a patch multiply inputs that they do not see by
  /// zeros.
  static constexpr NonFinite kNonFinite = NonFinite::spreads_in_tile;

  static Refusal supports(const TileSet& tiles, const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const TileSet& tiles, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  static Status pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const TileSet& tiles, const BindArgs& args);
};

}  // namespace fettle::kernels
