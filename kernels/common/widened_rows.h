// SPDX-License-Identifier: Apache-2.0
//
// A pointwise layer row by row, for regions in which a depthwise layer reads its output: the rows that a
// block of the depthwise layer's output is computed from stay in a workspace in the L2 cache. Neighbouring
// blocks share some of these rows; who computes both keeps them.
#pragma once

#include "kernels/common/conv_shape.h"
#include "kernels/common/pointwise_rows.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels {

/// Rows of a picture, [first, last).
struct Rows {
  std::int64_t first, last;
  std::int64_t count() const noexcept { return last - first; }
};

/// How a depthwise layer's output is cut into blocks of rows of one image.
class RowBlocks {
 public:
  RowBlocks(const ConvShape& depthwise, int threads) noexcept;

  /// Blocks of an image.
  std::int64_t count() const noexcept { return blocks_; }
  Rows outputs(std::int64_t block) const noexcept {
    return {shape_.out_h * block / blocks_, shape_.out_h * (block + 1) / blocks_};
  }
  /// The input rows that some outputs are computed from.
  Rows inputs(Rows outputs) const noexcept;
  /// Floats of the input rows of the largest block.
  std::int64_t input_floats() const noexcept;

 private:
  std::int64_t window() const noexcept { return (shape_.kernel_h - 1) * shape_.dilation_h + 1; }

  ConvShape shape_;
  std::int64_t blocks_;
};

class WidenedRows {
 public:
  /// What a thread holds: rows of one image, one after the other.
  struct Held {
    float* floats;  ///< room for RowBlocks::input_floats()
    std::int64_t image = -1;
    Rows rows{0, 0};
  };

  /// As for PointwiseRows; `pointwise` adds no residual.
  WidenedRows(const TileSet& tiles, const LayerDesc& pointwise, std::span<const std::byte> packed);

  /// Makes `held` hold those rows. Gives where the first row of the first image would lie.
  const float* hold(const float* input, std::int64_t image, Rows wanted, Held& held) const noexcept;

 private:
  const PointwiseRows pointwise_;
  const std::int64_t row_floats_;  // of an output row
  const std::int64_t input_pitch_;
};

}  // namespace fettle::kernels
