// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/widened_rows.h"

#include "kernels/common/blocking.h"
#include "kernels/common/cache.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
namespace {

Panels panels_of(const TileSet& tiles, const ConvShape& s) { return {tiles, s.out_channels, s.in_channels}; }

}  // namespace

RowBlocks::RowBlocks(const ConvShape& depthwise, int threads) noexcept : shape_(depthwise) {
  const ConvShape& s = shape_;
  const std::int64_t fitting = l2_floats() / 4 / (s.in_w * s.in_channels);
  const std::int64_t most = std::max<std::int64_t>(1, (fitting - window()) / s.stride_h + 1);
  // Each thread should have some blocks, so that the last to finish is not late by much.
  const std::int64_t wanted = threads == 1 ? 1 : ceil_div(std::int64_t{4} * threads, s.batch);
  blocks_ = std::min(s.out_h, std::max(ceil_div(s.out_h, most), wanted));
}

Rows RowBlocks::inputs(Rows outputs) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t first = std::clamp<std::int64_t>(outputs.first * s.stride_h - s.pad_top, 0, s.in_h);
  const std::int64_t end = (outputs.last - 1) * s.stride_h - s.pad_top + window();
  return {first, std::clamp(end, first, s.in_h)};
}

std::int64_t RowBlocks::input_floats() const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t rows = std::min(s.in_h, (ceil_div(s.out_h, blocks_) - 1) * s.stride_h + window());
  return rows * s.in_w * s.in_channels;
}

WidenedRows::WidenedRows(const TileSet& tiles, const LayerDesc& pointwise, std::span<const std::byte> packed)
    : tiles_(tiles),
      shape_(pointwise),
      panels_(panels_of(tiles, shape_)),
      common_(conv_tile(1, shape_.in_channels, Epilogue(pointwise), shape_.out_channels)),
      row_floats_(shape_.out_w * shape_.out_channels),
      input_pitch_(pixel_pitch(pointwise.inputs[0])),
      packed_(reinterpret_cast<const float*>(packed.data())) {}

const float* WidenedRows::hold(const float* input, std::int64_t image, Rows wanted,
                               Held& held) const noexcept {
  std::int64_t kept = 0;
  if (held.image == image && held.rows.first <= wanted.first && held.rows.last > wanted.first) {
    kept = std::min(held.rows.last, wanted.last) - wanted.first;
    std::memmove(held.floats, held.floats + (wanted.first - held.rows.first) * row_floats_,
                 static_cast<std::size_t>(kept * row_floats_) * sizeof(float));
  }
  held.image = image, held.rows = wanted;
  compute(input, image, {wanted.first + kept, wanted.last}, held.floats + kept * row_floats_);
  return held.floats - (image * shape_.out_h + wanted.first) * row_floats_;
}

void WidenedRows::compute(const float* input, std::int64_t image, Rows rows, float* to) const noexcept {
  const std::int64_t pixels = rows.count() * shape_.out_w;
  if (pixels == 0) return;
  const float* from = input + (image * shape_.out_h + rows.first) * shape_.out_w * input_pitch_;
  const Blocking blocks(tiles_, panels_, pixels, pixels * shape_.in_channels, 1);
  blocks.for_each(0, blocks.count(), [&](std::int64_t, const Block& block) {
    Tile tile = common_;
    tile.output = to + block.first_row * shape_.out_channels;
    multiply_rows(tiles_, panels_, packed_, block, from, input_pitch_, tile, {});
  });
}

Refusal WidenedRows::supports(const LayerDesc& pointwise) noexcept {
  if (const Refusal refusal = check_nhwc_conv(pointwise); refusal != Refusal::none) return refusal;
  const ConvShape s(pointwise);
  if (s.groups != 1) return Refusal::groups;
  return s.pointwise() ? Refusal::none : Refusal::kernel_size;
}

std::size_t WidenedRows::packed_bytes(const TileSet& tiles, const LayerDesc& pointwise) {
  constexpr std::size_t kLine = 64;
  const std::int64_t floats = panels_of(tiles, ConvShape(pointwise)).floats();
  return (static_cast<std::size_t>(floats) * sizeof(float) + kLine - 1) / kLine * kLine;
}

void WidenedRows::pack(const TileSet& tiles, const LayerDesc& pointwise,
                       std::span<const ConstantBytes> constants, std::span<std::byte> packed) noexcept {
  const ConvShape s(pointwise);
  std::fill(packed.begin(), packed.end(), std::byte{});
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  pack_panels(panels_of(tiles, s), weights, bias, s.in_channels, 1, reinterpret_cast<float*>(packed.data()));
}

}  // namespace fettle::kernels
