// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/product.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/q8/bytes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

// A column's weights of a group.
std::int64_t group_bytes(const TileQ8Set& set) noexcept { return kQ8Group * set.weight_bytes; }

}  // namespace

Panels panels_of_q8(const TileQ8Set& set, const ProductQ8Shape& shape) noexcept {
  return {set.vector, kMostQ8Vectors, shape.columns, shape.taps * shape.groups()};
}

PackedQ8Products::PackedQ8Products(const TileQ8Set& set, const Panels& panels, const ProductQ8Shape& shape,
                                   const LayerDesc& layer, std::int64_t products,
                                   std::int64_t before) noexcept
    : before_(whole_lines(before)),
      each_panels_(whole_lines(panels.floats() * group_bytes(set))),
      columns_(panels.padded_columns()),
      begins_(before_ + products * each_panels_),
      scales_(begins_ + products * columns_ * 4),
      ones_(scales_ + products * columns_ * 4),
      row_factor_(left_of_zero_point(set.weight_bytes, layer)) {
  if (row_factor_ == 0) return;
  // Where all groups are whole, one vector serves them all.
  ones_bytes_ = set.vector * group_bytes(set);
  if (shape.unused() == 0) return;
  ones_step_ = ones_bytes_;
  ones_bytes_ *= shape.taps * shape.groups();
}

ProductQ8Weights PackedQ8Products::weights(const std::byte* packed, std::int64_t product) const noexcept {
  return {packed + panels_at(product),
          reinterpret_cast<const std::int32_t*>(packed + begins_) + product * columns_,
          reinterpret_cast<const float*>(packed + scales_) + product * columns_,
          row_factor_,
          packed + ones_,
          ones_step_};
}

int PackedQ8Products::steps_of(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                               std::int64_t element) noexcept {
  const auto byte = std::to_integer<std::uint8_t>(constants[1][static_cast<std::size_t>(element)]);
  return Source(layer.inputs[1].format).steps(byte);
}

void PackedQ8Products::pack_ones(const TileQ8Set& set, const ProductQ8Shape& shape,
                                 std::span<std::byte> packed) const noexcept {
  const std::int64_t each = set.vector * group_bytes(set);
  for (std::int64_t at = 0; at < ones_bytes_; at += each) {
    const bool last = ones_step_ != 0 && at / each % shape.groups() + 1 == shape.groups();
    const std::int64_t counted = kQ8Group - (last ? shape.unused() : 0);
    for (std::int64_t i = 0; i < each; ++i) {
      if (i % kQ8Group < counted) packed[static_cast<std::size_t>(ones_ + at + i)] = std::byte{1};
    }
  }
}

void PackedQ8Products::put_weight(const TileQ8Set& set, const Panels& panels, std::byte* target,
                                  std::int64_t column, std::int64_t row, int value) noexcept {
  const std::int64_t panel = panels.panel_of(column);
  const std::int64_t group = row / kQ8Group;
  const std::int64_t place = row % kQ8Group;
  const std::int64_t in_panel = column - panels.first_column(panel);
  const std::int64_t lane = in_panel % set.vector;
  const std::int64_t width = panels.width_of(panel);
  // Weights before this one in the group of the panel.
  std::int64_t at = 0;
  switch (set.order) {
    case WeightOrderQ8::groups:
      at = in_panel * kQ8Group + place;
      break;
    case WeightOrderQ8::even_odd:
      at = (in_panel - lane) * kQ8Group + place % 2 * set.vector * 2 + lane * 2 + place / 2;
      break;
    case WeightOrderQ8::places:
      at = place * width + in_panel;
      break;
  }
  std::byte* to =
      target + (panels.first_float(panel) + group * width) * group_bytes(set) + at * set.weight_bytes;
  const auto wide = static_cast<std::int16_t>(value);
  if (set.weight_bytes == 1)
    *to = static_cast<std::byte>(value);
  else
    std::memcpy(to, &wide, sizeof(wide));
}

void PackedQ8Products::finish_column(const TileQ8Set& set, const LayerDesc& layer,
                                     std::span<const ConstantBytes> constants, std::int64_t product,
                                     std::int64_t first, std::int64_t column, std::int64_t sum,
                                     std::span<std::byte> packed) const noexcept {
  const auto* bias = reinterpret_cast<const std::int32_t*>(constants[2].data());
  const std::int64_t begin = bias[first + column] - set.zero_of(layer.inputs[0].format) * sum;
  auto* begins = reinterpret_cast<std::int32_t*>(packed.data() + begins_) + product * columns_;
  auto* scales = reinterpret_cast<float*>(packed.data() + scales_) + product * columns_;
  // Parts of a sum may overflow where the whole, which fits, does not.
  begins[column] = static_cast<std::int32_t>(begin);
  scales[column] = multiplier_of(layer, constants, first + column);
}

TileQ8 tile_of_q8(const TileQ8Set& set, const LayerDesc& layer, const ProductQ8Shape& shape) noexcept {
  const Target target = target_of(layer);
  TileQ8 tile{};
  tile.taps = static_cast<std::size_t>(shape.taps);
  tile.groups = static_cast<std::size_t>(shape.groups());
  tile.low = target.low, tile.high = target.high;
  tile.zero = target.zero;
  tile.flip = set.flip_of(layer.inputs[0].format.type);
  tile.output_flip = target.flip;
  return tile;
}

RowOffsets::RowOffsets(const TileQ8Set& set, const ProductQ8Weights& weights, int rows,
                       TileQ8& tile) noexcept {
  if (weights.row_factor == 0) return;
  static constexpr std::int32_t kZeros[kMostQ8Lanes] = {};
  std::array<std::int32_t, std::size_t{kMostQ8Rows} * kMostQ8Lanes> sums;
  TileQ8 ones = tile;
  ones.begin = kZeros;
  ones.panel = weights.ones;
  ones.panel_step = static_cast<std::size_t>(weights.ones_step);
  ones.sums = sums.data();
  ones.sum_stride = static_cast<std::size_t>(set.vector);
  set.kernel(tile.flip != 0, 1, rows)(ones);
  for (int r = 0; r < rows; ++r) {
    offsets_[static_cast<std::size_t>(r)] =
        weights.row_factor * sums[static_cast<std::size_t>(r) * static_cast<std::size_t>(set.vector)];
  }
  tile.offsets = offsets_.data();
}

void multiply_q8_panels(const TileQ8Set& set, const Panels& panels, const ProductQ8Weights& weights,
                        const Block& block, TileQ8& tile) noexcept {
  const std::int64_t first = panels.first_column(block.first_panel);
  tile.begin = weights.begin + first;
  tile.scale = weights.scale + first;
  if (tile.sums == nullptr) tile.output += first;
  tile.panel = weights.panels + panels.first_float(block.first_panel) * group_bytes(set);
  // Panels are alike but for their widths, of which there are two, and the last one.
  std::int64_t panel = block.first_panel;
  const auto run = [&](std::int64_t end, int vectors) {
    if (panel >= end) return;
    const std::int64_t width = std::int64_t{set.vector} * vectors;
    const TileQ8Kernel kernel = set.kernel(tile.flip != 0, vectors, block.rows);
    tile.panel_step = static_cast<std::size_t>(width * group_bytes(set));
    tile.columns = static_cast<std::size_t>(width);
    const auto panel_bytes = static_cast<std::size_t>(panels.packed_depth) * tile.panel_step;
    for (; panel < end; ++panel) {
      if (panel + 1 == panels.count) tile.columns = static_cast<std::size_t>(panels.columns_of(panel));
      kernel(tile);
      tile.begin += width, tile.scale += width, tile.panel += panel_bytes;
      if (tile.sums == nullptr) tile.output += width;
    }
  };
  run(std::min(block.last_panel, panels.wider), panels.vectors);
  run(block.last_panel, panels.vectors - 1);
}

}  // namespace fettle::kernels
