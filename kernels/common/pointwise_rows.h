// SPDX-License-Identifier: Apache-2.0
//
// A pointwise layer in nhwc on some pixels at a time, for kernels that hold its input or its output in a
// workspace.
#pragma once

#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/panels.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels {

class PointwiseRows {
 public:
  /// `layer` is one that `supports` accepts, `packed` what `pack` wrote, which must stay.
  PointwiseRows(const TileSet& tiles, const LayerDesc& layer, std::span<const std::byte> packed);

  const ConvShape& shape() const noexcept { return shape_; }
  /// What is added to the result, among the layer's inputs, or null.
  const float* residual_of(std::span<const void* const> inputs) const noexcept {
    return epilogue_.residual_of(inputs);
  }

  /// Computes the pixels [first, last), counted through all images. The input of the first is at `input`,
  /// each other `input_pitch` floats behind the one before. `output` and `residual`, which may be null, are
  /// where pixel 0 is, with the layer's distances between pixels.
  void compute(const float* input, std::int64_t input_pitch, std::int64_t first, std::int64_t last,
               float* output, const float* residual = nullptr) const noexcept;

  /// Pointwise in one group, in nhwc. A second part is an addition: the row's pattern has no other.
  static Refusal supports(const LayerDesc& layer) noexcept;
  /// In whole lines of the cache.
  static std::size_t packed_bytes(const TileSet& tiles, const LayerDesc& layer);
  /// Writes the first packed_bytes of `packed`.
  static void pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) noexcept;

 private:
  const TileSet& tiles_;
  const ConvShape shape_;
  const Panels panels_;
  const Epilogue epilogue_;
  const std::int64_t output_pitch_;
  const Tile common_;  // what all tiles have in common
  const ProductWeights weights_;
};

}  // namespace fettle::kernels
