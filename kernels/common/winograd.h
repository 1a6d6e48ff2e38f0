// SPDX-License-Identifier: Apache-2.0
//
// 3x3 convolution of stride 1 by Winograd's minimal filtering, F(m x m, 3 x 3): patches of the input and the
// weights are transformed, multiplied point by point as (m + 2)^2 matrix products, and transformed back. Work
// is streamed: a thread takes as many patches as keep their transforms, whose place the products take, within
// a quarter of its L2 cache, and where the weights do not fit there at least two tiles' rows, because weights
// are read once for each block.
//
// The larger m is, the fewer multiplications (2.25 times fewer than a direct convolution for 2, 4 for 4, 4.59
// for 5, 5.06 for 6), and the larger the rounding errors: tests hold them to bounds that docs/performance.md
// states. Which is fastest depends on the picture, which patches of m x m have to cover: 14x14 is 16x16 for
// 4, 15x15 for 5, 18x18 for 6.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// One patch of the input, (m + 2) x (m + 2) pixels of nhwc, and where its transform goes.
struct WinogradPatch {
  const float* input;        ///< the patch's first pixel, which may lie outside of the image
  std::int64_t row_pitch;    ///< floats
  std::int64_t pixel_pitch;  ///< floats
  std::int64_t channels;
  int top, bottom, left, right;  ///< rows [top, bottom) and columns [left, right) lie inside
  const float* zeros;            ///< for pixels that do not: as many as there are channels
  float* transformed;            ///< whole vectors of channels
  std::int64_t vector_pitch;     ///< floats from one vector of channels to the next
  std::int64_t point_pitch;      ///< floats from point to point
};

/// Tiles of a product at one point, one below the other: patches times a panel of output channels. Patches
/// lie a vector of channels apart, so that a tile finds its rows with one pointer: x86 has none to spare.
struct WinogradProduct {
  const float* input;         ///< the first patch's first vector of channels
  std::int64_t input_pitch;   ///< floats from one vector of channels to the next
  std::int64_t channels;      ///< at least 1
  const float* panel;         ///< a row of weights for each channel
  const float* begin;         ///< a row that the sums begin with
  float* output;              ///< laid out like the input
  std::int64_t output_pitch;  ///< floats from one vector of output channels to the next
  std::int64_t tiles;         ///< at least 1
  const char* prefetch;       ///< what will be needed soon is fetched into L2 meanwhile, from here
  std::size_t prefetch_step;  ///< bytes further with each channel; 0: nothing is needed
};

/// A function for each number of vectors across and rows down, as in TileSet.
struct WinogradProductSet {
  using Kernel = void (*)(const WinogradProduct& product) noexcept;
  Kernel kernels[kMostVectors][kMostRows];

  Kernel kernel(int vectors, std::int64_t rows) const noexcept { return kernels[vectors - 1][rows - 1]; }
};

/// One patch of products, and where its m x m results go.
struct WinogradResult {
  const float* products;      ///< the bias is in them
  std::int64_t vector_pitch;  ///< floats from one vector of channels to the next
  std::int64_t point_pitch;
  std::int64_t channels;
  int rows, columns;  ///< of the results, how many are inside the image
  Clamp clamp, after_added;
  float* output;
  std::int64_t row_pitch, pixel_pitch;
  const float* residual;  ///< null: nothing is added
  std::int64_t residual_row_pitch, residual_pixel_pitch;
};

/// What an instruction set brings for one m.
struct WinogradSet {
  int m;
  const TileSet* tiles;
  const WinogradProductSet* products;  ///< in the sizes of `tiles`; null: `tiles` do as well
  void (*input)(const WinogradPatch& patch) noexcept;
  void (*output)(const WinogradResult& result) noexcept;
};

/// 3x3 convolutions of stride 1 in one group, not dilated; with a second part, the addition of a tensor of
/// the result's shape.
struct Winograd {
  static constexpr std::uint32_t kRevision = 2;
  static constexpr std::span<const Signature> kSignatures = kNhwc<kF32>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;
  /// Each result of a tile is a sum over points that each depend on most of its inputs. One infinite input
  /// gives NaN, or the infinity that is right: at some point its term has the right sign.
  static constexpr NonFinite kNonFinite = NonFinite::spreads_in_tile;
  static constexpr bool kResidualInPlace = true;

  static Refusal supports(const LayerDesc& layer) noexcept;
  /// Whether F(2x2, 3x3), which rounds no worse than a plain sum, may be taken without measuring: there is
  /// enough to multiply between the transforms, and the weights, which nearly double, are not so many that
  /// reading them takes longest. The size of the picture does not matter, so that programs for several sizes
  /// share packed weights. Only for layers that it runs.
  static bool pays(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const WinogradSet& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const WinogradSet& set, const LayerDesc& layer);
  static Status pack(const WinogradSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const WinogradSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation = {});
};

/// The same with m = 4, 5, 6. Measured are 0.6 for m = 2, which has fewer products to add up, and 4, 5.3 and
/// 8 times the error of a plain sum.
struct WinogradF4 : Winograd {
  static constexpr float kRounding = 8;
};
struct WinogradF5 : Winograd {
  static constexpr float kRounding = 12;
};
struct WinogradF6 : Winograd {
  static constexpr float kRounding = 16;
};

}  // namespace fettle::kernels
