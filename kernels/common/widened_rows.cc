// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/widened_rows.h"

#include "kernels/common/cache.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/nhwc.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
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
    : pointwise_(tiles, pointwise, packed),
      row_floats_(pointwise_.shape().out_w * pointwise_.shape().out_channels),
      input_pitch_(pixel_pitch(pointwise.inputs[0])) {}

const float* WidenedRows::hold(const float* input, std::int64_t image, Rows wanted,
                               Held& held) const noexcept {
  const ConvShape& s = pointwise_.shape();
  std::int64_t kept = 0;
  if (held.image == image && held.rows.first <= wanted.first && held.rows.last > wanted.first) {
    kept = std::min(held.rows.last, wanted.last) - wanted.first;
    std::memmove(held.floats, held.floats + (wanted.first - held.rows.first) * row_floats_,
                 static_cast<std::size_t>(kept * row_floats_) * sizeof(float));
  }
  held.image = image, held.rows = wanted;
  const std::int64_t above = image * s.out_h;  // rows of the images before
  float* pixels = held.floats - (above + wanted.first) * row_floats_;
  const std::int64_t first = (above + wanted.first + kept) * s.out_w;
  pointwise_.compute(input + first * input_pitch_, input_pitch_, first, (above + wanted.last) * s.out_w,
                     pixels);
  return pixels;
}

}  // namespace fettle::kernels
