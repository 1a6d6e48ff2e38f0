// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd_products.h"

#include "kernels/common/blocking.h"
#include "kernels/common/ceil_div.h"

#include <algorithm>
#include <cstddef>

namespace fettle::kernels {
namespace {

// Points lie a line further apart than needed, or those of a patch could all fall into one cache set. So
// could a patch's vectors, where the number of patches is a power of two.
WinogradPitches pitches(const WinogradSet& set, std::int64_t channels, std::int64_t patches) noexcept {
  constexpr std::int64_t kLine = 16;
  const std::int64_t lanes = set.tiles->vector;
  const std::int64_t vectors = ceil_div(channels, lanes);
  if (set.products == nullptr) return {vectors * lanes, lanes, patches * vectors * lanes + kLine};
  const std::int64_t spread = ceil_div(patches, 8) * 8 + 5;
  return {lanes, spread * lanes, vectors * spread * lanes + kLine};
}

}  // namespace

WinogradProducts::WinogradProducts(const WinogradSet& set, const Panels& panels,
                                   std::int64_t most_patches) noexcept
    : set_(set),
      panels_(panels),
      points_(std::int64_t{set.m + 2} * (set.m + 2)),
      input_(pitches(set, panels.depth, most_patches)),
      output_(pitches(set, panels.columns, most_patches)) {
  input_.point = output_.point = std::max(input_.point, output_.point);
}

void WinogradProducts::multiply(const WinogradWeights& weights, std::int64_t patches,
                                float* workspace) const noexcept {
  if (set_.products != nullptr)
    multiply_by_vectors(weights, patches, workspace);
  else
    multiply_by_patches(weights, patches, workspace);
}

// What is added at the point 1 in both directions reaches every result as it is.
const float* WinogradProducts::begin(const WinogradWeights& weights, std::int64_t point) const noexcept {
  return point == set_.m + 3 ? weights.bias : weights.zeros;
}

// Each panel is multiplied with all patches, while the next one is fetched into L2. A single tile fetches
// nothing: it reads the weights from one end to the other, which hardware foresees.
void WinogradProducts::multiply_by_vectors(const WinogradWeights& weights, std::int64_t patches,
                                           float* workspace) const noexcept {
  const std::int64_t tiles = ceil_div(patches, set_.tiles->most_rows[panels_.vectors - 1]);
  const std::int64_t rows = patches / tiles;
  const std::int64_t taller = patches % tiles;
  WinogradProduct product{};
  product.input_pitch = input_.vector;
  product.output_pitch = output_.vector;
  product.channels = panels_.depth;
  product.panel = weights.panels;
  for (std::int64_t point = 0; point < points_; ++point) {
    const float* input = transformed(workspace) + point * input_.point;
    float* output = products(workspace) + point * output_.point;
    product.begin = begin(weights, point);
    for (std::int64_t panel = 0; panel < panels_.count; ++panel) {
      const int vectors = panels_.vectors_of(panel);
      const std::int64_t floats = panels_.width_of(panel) * panels_.depth;
      const bool last = panel + 1 == panels_.count && point + 1 == points_;
      product.prefetch = reinterpret_cast<const char*>(product.panel + floats);
      if (tiles > 1 && !last)
        product.prefetch_step =
            static_cast<std::size_t>(ceil_div(floats, tiles * panels_.depth)) * sizeof(float);
      else
        product.prefetch_step = 0;
      product.input = input;
      product.output = output;
      if (taller > 0) {
        product.tiles = taller;
        set_.products->kernel(vectors, rows + 1)(product);
        product.input += taller * (rows + 1) * input_.patch;
        product.output += taller * (rows + 1) * output_.patch;
        product.prefetch += product.prefetch_step * static_cast<std::size_t>(taller * panels_.depth);
      }
      product.tiles = tiles - taller;
      set_.products->kernel(vectors, rows)(product);
      product.panel += floats;
      product.begin += panels_.width_of(panel);
      output += vectors * output_.vector;
    }
  }
}

void WinogradProducts::multiply_by_patches(const WinogradWeights& weights, std::int64_t patches,
                                           float* workspace) const noexcept {
  const Blocking pieces(*set_.tiles, panels_, patches, patches * input_.patch, 1, true);
  Tile tile = plain_tile(1, panels_.depth);
  tile.output_stride = static_cast<std::size_t>(output_.patch);
  for (std::int64_t point = 0; point < points_; ++point) {
    const ProductWeights of_point{weights.panels + point * panels_.floats(), begin(weights, point)};
    const float* rows = transformed(workspace) + point * input_.point;
    float* output = products(workspace) + point * output_.point;
    pieces.for_each(0, pieces.count(), [&](std::int64_t, Block block) {
      if (point + 1 == points_) block.next_float = block.next_floats = 0;  // nothing follows
      tile.output = output + block.first_row * output_.patch;
      multiply_rows(*set_.tiles, panels_, of_point, block, rows, input_.patch, tile, {});
    });
  }
}

}  // namespace fettle::kernels
