// SPDX-License-Identifier: Apache-2.0
//
// Convolutions of bytes by im2col for some pixels at a time: what those of quantised layers and those that
// quantise x themselves have in common.
#pragma once

#include "kernels/common/conv_shape.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/product_q8.h"

namespace fettle::kernels::portable {

inline constexpr std::int64_t kPatchPixels = 16;  ///< of a block

/// Scratch memory of one thread.
std::size_t patch_block_bytes(const ConvShape& s) noexcept;

/// Where weight k of an output stands: rows hold channels, then taps in nchw; taps, then channels in nhwc.
std::int64_t patch_element(const ConvShape& s, Layout layout, std::int64_t output, std::int64_t k) noexcept;

/// The row of one output pixel. What lies outside is the zero point.
void gather_patch(const ConvShape& s, Layout layout, const std::uint8_t* x, std::int64_t pixel, int zero,
                  std::uint8_t flip, std::int16_t* row) noexcept;

/// Multiplies the patches of all pixels with w; in nhwc calls outputs(where, first output, count, sums) for
/// each pixel, in nchw pixels(where, output, count, sums) for each output of a block. `where` is the element
/// of the result that the first sum belongs to.
template <typename Outputs, typename Pixels>
void for_each_patch_block(const Call& call, const ConvShape& s, const WeightRows& w, const std::uint8_t* x,
                          const Source& source, std::byte* workspace, Outputs&& outputs, Pixels&& pixels) {
  const Layout layout = layout_of(call.layer);
  const bool nhwc = layout == Layout::nhwc;
  const std::int64_t area = s.out_h * s.out_w;
  const std::int64_t blocks = (area + kPatchPixels - 1) / kPatchPixels;
  call.parallel(s.batch * s.groups * blocks, [&](std::int64_t begin, std::int64_t end, int worker) {
    std::byte* scratch = workspace + static_cast<std::size_t>(worker) * patch_block_bytes(s);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch);
    auto* rows = reinterpret_cast<std::int16_t*>(sums + kPatchPixels * s.out_per_group);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks / s.groups;
      const std::int64_t group = i / blocks % s.groups;
      const std::int64_t first = i % blocks * kPatchPixels;
      const std::int64_t count = std::min(kPatchPixels, area - first);
      const std::uint8_t* from =
          x + image * s.in_channels * s.in_h * s.in_w + group * s.in_per_group * (nhwc ? 1 : s.in_h * s.in_w);
      for (std::int64_t p = 0; p < count; ++p)
        gather_patch(s, layout, from, first + p, source.zero, source.flip, rows + p * w.depth);
      const std::int64_t channel = group * s.out_per_group;
      const std::int64_t end_channel = channel + s.out_per_group;
      const std::int64_t to = image * s.out_channels * area;
      if (nhwc) {
        multiply(w, rows, count, channel, end_channel, sums, s.out_per_group, 1);
        for (std::int64_t p = 0; p < count; ++p)
          outputs(to + (first + p) * s.out_channels + channel, channel, s.out_per_group,
                  sums + p * s.out_per_group);
        continue;
      }
      multiply(w, rows, count, channel, end_channel, sums, 1, kPatchPixels);
      for (std::int64_t o = channel; o < end_channel; ++o)
        pixels(to + o * area + first, o, count, sums + (o - channel) * kPatchPixels);
    }
  });
}

}  // namespace fettle::kernels::portable
