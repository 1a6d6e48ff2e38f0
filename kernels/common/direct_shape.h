// SPDX-License-Identifier: Apache-2.0
//
// How a direct convolution is cut into tiles and groups of output channels.
#pragma once

#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/direct.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// The pixels of a tile, and the part of their windows that lies inside the image from top to bottom.
struct DirectPixels {
  std::int64_t first, count;         ///< of the output row
  std::int64_t top, left;            ///< the first window's corner
  std::int64_t first_row, last_row;  ///< window rows that lie inside
  bool inside;                       ///< all windows lie inside from left to right, next to each other
};

struct DirectShape {
  ConvShape conv;  ///< where pixels do not depend on their neighbours, all of an image's are one row
  std::int64_t lanes;
  std::int64_t in_blocks;    ///< of a group
  std::int64_t out_vectors;  ///< of a group
  int tile_vectors;          ///< of all tiles but those of the last channels
  std::int64_t row_tiles;    ///< of an output row; they are nearly equal
  bool together;  ///< what the windows of a tile read of a row is copied once, not once for each tap

  DirectShape(const DirectSet& set, const LayerDesc& layer);

  std::int64_t in_plane() const { return conv.in_h * conv.in_w * lanes; }
  std::int64_t out_plane() const { return conv.out_h * conv.out_w * lanes; }
  /// Floats of the weights of a window row, for one vector of outputs and one block of inputs.
  std::int64_t row_weights() const { return conv.kernel_w * lanes * lanes; }
  /// Weights packed for a vector of outputs.
  std::int64_t vector_floats() const { return in_blocks * conv.kernel_h * row_weights(); }
  /// Packed: the weights of each group, then the biases of all.
  std::int64_t group_floats() const { return out_vectors * vector_floats(); }
  std::int64_t weight_floats() const { return conv.groups * group_floats(); }
  std::int64_t packed_floats() const { return weight_floats() + conv.groups * out_vectors * lanes; }
  /// Channels of a vector of outputs.
  std::size_t lanes_of(std::int64_t vector) const {
    const std::int64_t left = conv.out_per_group - vector * lanes;
    return static_cast<std::size_t>(left < lanes ? left : lanes);
  }

  DirectPixels pixels(std::int64_t oy, std::int64_t tile) const;

  /// Of each window row that is copied: how many stretches of pixels, and how long they are.
  std::int64_t copied_runs() const { return together ? 1 : conv.kernel_w; }
  std::int64_t copied_length(std::int64_t pixels) const { return together ? span(pixels) : pixels; }
  /// A thread's workspace: room for the copies of the largest tile; 0 where nothing is copied.
  std::int64_t copy_floats() const;

 private:
  std::int64_t first_pixel(std::int64_t tile) const { return conv.out_w * tile / row_tiles; }
  std::int64_t largest_tile() const { return (conv.out_w + row_tiles - 1) / row_tiles; }
  /// Input pixels from the first to the last that windows of neighbouring pixels read, without stride.
  std::int64_t span(std::int64_t pixels) const { return pixels + (conv.kernel_w - 1) * conv.dilation_w; }
  bool copies() const;
};

/// Groups of vectors of outputs whose weights stay in half of the L2 cache while all pixels pass by, and more
/// where there are few pixels for many threads.
struct DirectGroups {
  std::int64_t count;
  std::int64_t tiles;  ///< in all
  std::int64_t tile_vectors;
  std::int64_t vectors;

  DirectGroups(const DirectShape& shape, int threads);
  std::int64_t first_vector(std::int64_t group) const {
    const std::int64_t first = tiles * group / count * tile_vectors;
    return first < vectors ? first : vectors;
  }
};

}  // namespace fettle::kernels
