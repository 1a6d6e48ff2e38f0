// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/direct_shape.h"

#include "kernels/common/cache.h"

#include <algorithm>
#include <limits>

namespace fettle::kernels {
namespace {

// About how long a tile takes for each channel and tap, in half cycles of a core that multiplies and loads
// two vectors a cycle and needs 8 sums to be busy.
std::int64_t tile_cost(std::int64_t pixels, std::int64_t vectors) {
  constexpr std::int64_t kSumsInFlight = 8;
  return std::max({pixels * vectors, pixels + vectors, kSumsInFlight});
}

// The number of vectors across that takes least for an output row, the smallest where several do.
int best_vectors(const DirectSet& set, std::int64_t width, std::int64_t vectors) {
  int best = 1;
  std::int64_t best_cost = std::numeric_limits<std::int64_t>::max();
  for (int v = 1; v <= kMostDirectVectors && v <= vectors; ++v) {
    const std::int64_t most = set.most_pixels[v - 1];
    if (most == 0) continue;
    const std::int64_t tiles = ceil_div(width, most);
    const std::int64_t pixels = ceil_div(width, tiles);
    const std::int64_t rest = vectors % v;
    const std::int64_t cost =
        tiles * (vectors / v * tile_cost(pixels, v) + (rest > 0 ? tile_cost(pixels, rest) : 0));
    if (cost >= best_cost) continue;
    best_cost = cost;
    best = v;
  }
  return best;
}

}  // namespace

DirectShape::DirectShape(const DirectSet& set, const LayerDesc& layer)
    : conv(layer),
      lanes(set.lanes),
      in_blocks(ceil_div(conv.in_per_group, lanes)),
      out_vectors(ceil_div(conv.out_per_group, lanes)) {
  if (conv.pointwise()) {
    conv.in_w *= conv.in_h, conv.out_w *= conv.out_h;
    conv.in_h = conv.out_h = 1;
  }
  tile_vectors = best_vectors(set, conv.out_w, out_vectors);
  row_tiles = ceil_div(conv.out_w, set.most_pixels[tile_vectors - 1]);
  // Pixels of a tap are neighbours without a stride; far dilated taps have nothing between them in common.
  together = conv.stride_w == 1 && conv.dilation_w <= largest_tile();
}

DirectPixels DirectShape::pixels(std::int64_t oy, std::int64_t tile) const {
  DirectPixels p;
  p.first = first_pixel(tile);
  p.count = first_pixel(tile + 1) - p.first;
  p.top = oy * conv.stride_h - conv.pad_top;
  p.left = p.first * conv.stride_w - conv.pad_left;
  const std::int64_t first = p.top >= 0 ? 0 : ceil_div(-p.top, conv.dilation_h);
  const std::int64_t last = p.top >= conv.in_h ? 0 : (conv.in_h - 1 - p.top) / conv.dilation_h + 1;
  p.last_row = std::clamp<std::int64_t>(last, 0, conv.kernel_h);
  p.first_row = std::min(first, p.last_row);
  p.inside = conv.stride_w == 1 && p.left >= 0 && p.left + span(p.count) <= conv.in_w;
  return p;
}

bool DirectShape::copies() const {
  return conv.stride_w != 1 || conv.pad_left > 0 || span(conv.out_w) - conv.pad_left > conv.in_w;
}

std::int64_t DirectShape::copy_floats() const {
  if (!copies()) return 0;
  return in_blocks * conv.kernel_h * copied_runs() * copied_length(largest_tile()) * lanes;
}

DirectGroups::DirectGroups(const DirectShape& shape, int threads)
    : count(1),
      tiles(ceil_div(shape.out_vectors, shape.tile_vectors)),
      tile_vectors(shape.tile_vectors),
      vectors(shape.out_vectors) {
  constexpr std::int64_t kPiecesEach = 4;  // so that the last thread to finish is not late by much
  const std::int64_t pixel_tiles = shape.conv.batch * shape.conv.groups * shape.conv.out_h * shape.row_tiles;
  count = weight_groups(vectors * shape.vector_floats(), shape.conv.read_floats());
  if (threads > 1) count = std::max(count, ceil_div(kPiecesEach * threads, pixel_tiles));
  count = std::min(count, tiles);
}

}  // namespace fettle::kernels
