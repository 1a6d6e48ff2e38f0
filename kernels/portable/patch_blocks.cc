// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/patch_blocks.h"

namespace fettle::kernels::portable {

std::size_t patch_block_bytes(const ConvShape& s) noexcept {
  const std::size_t bytes =
      static_cast<std::size_t>(kPatchPixels * padded_depth(s.depth())) * sizeof(std::int16_t) +
      static_cast<std::size_t>(kPatchPixels * s.out_per_group) * sizeof(std::int32_t);
  return (bytes + 63) / 64 * 64;
}

std::int64_t patch_element(const ConvShape& s, Layout layout, std::int64_t output, std::int64_t k) noexcept {
  const std::int64_t taps = s.kernel_h * s.kernel_w;
  return output * s.depth() + (layout == Layout::nhwc ? k % s.in_per_group * taps + k / s.in_per_group : k);
}

void gather_patch(const ConvShape& s, Layout layout, const std::uint8_t* x, std::int64_t pixel, int zero,
                  std::uint8_t flip, std::int16_t* row) noexcept {
  const std::int64_t y0 = pixel / s.out_w * s.stride_h - s.pad_top;
  const std::int64_t x0 = pixel % s.out_w * s.stride_w - s.pad_left;
  const std::int64_t taps = s.kernel_h * s.kernel_w;
  const bool nhwc = layout == Layout::nhwc;
  const std::int64_t to_step = nhwc ? 1 : taps;
  for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
    for (std::int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const std::int64_t iy = y0 + ky * s.dilation_h;
      const std::int64_t ix = x0 + kx * s.dilation_w;
      const std::int64_t tap = ky * s.kernel_w + kx;
      std::int16_t* to = row + (nhwc ? tap * s.in_per_group : tap);
      if (!s.inside(iy, ix)) {
        for (std::int64_t c = 0; c < s.in_per_group; ++c) to[c * to_step] = static_cast<std::int16_t>(zero);
      } else if (nhwc) {
        const std::uint8_t* from = x + (iy * s.in_w + ix) * s.in_channels;
        for (std::int64_t c = 0; c < s.in_per_group; ++c) to[c] = static_cast<std::int16_t>(from[c] ^ flip);
      } else {
        const std::uint8_t* from = x + iy * s.in_w + ix;
        for (std::int64_t c = 0; c < s.in_per_group; ++c)
          to[c * taps] = static_cast<std::int16_t>(from[c * s.in_h * s.in_w] ^ flip);
      }
    }
  }
  std::fill(row + s.depth(), row + padded_depth(s.depth()), std::int16_t{0});
}

}  // namespace fettle::kernels::portable
