// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/joined_taps.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/q8/tile.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

// With more of them, pointers are a small part of the work, and copies are a large one.
constexpr std::int64_t kMostJoinedChannels = 32;

std::int64_t window_bytes(const ConvShape& s) { return s.kernel_w * s.in_channels + kQ8Group; }

}  // namespace

bool joins_taps(const ConvShape& s) noexcept {
  return s.groups == 1 && s.dilation_w == 1 && s.kernel_w > 1 && s.in_channels <= kMostJoinedChannels;
}

JoinedTaps::JoinedTaps(const ConvShape& s, std::int64_t pitch, const std::uint8_t* zeros) noexcept
    : s_(s), pitch_(pitch), zeros_(zeros) {
  if (pitch != s.in_channels) return;
  first_inside_ =
      std::clamp<std::int64_t>(ceil_div(std::max<std::int64_t>(0, s.pad_left), s.stride_w), 0, s.out_w);
  const std::int64_t last = s.in_w - s.kernel_w + s.pad_left;  // column of the last window that fits
  end_inside_ = last < 0 ? first_inside_ : std::clamp(last / s.stride_w + 1, first_inside_, s.out_w);
}

std::int64_t JoinedTaps::copied_bytes(const ConvShape& s, int rows) noexcept {
  return s.kernel_h * rows * window_bytes(s);
}

// A window's row of taps, of which some may be outside of the line.
void JoinedTaps::copy(const std::uint8_t* line, std::int64_t ix, std::uint8_t* to) const noexcept {
  const std::int64_t channels = s_.in_channels;
  const std::int64_t left = std::clamp<std::int64_t>(-ix, 0, s_.kernel_w);
  const std::int64_t right = std::clamp<std::int64_t>(s_.in_w - ix, left, s_.kernel_w);
  std::memcpy(to, zeros_, static_cast<std::size_t>(s_.kernel_w * channels));
  const std::int64_t pitch = pitch_;
  for (std::int64_t kx = left; kx < right; ++kx) {
    for (std::int64_t c = 0; c < channels; ++c) to[kx * channels + c] = line[(ix + kx) * pitch + c];
  }
}

void JoinedTaps::find(const std::uint8_t* image, std::int64_t first, int rows, const std::uint8_t** pointers,
                      std::uint8_t* copies) const noexcept {
  std::int64_t oy = first / s_.out_w;
  std::int64_t ox = first - oy * s_.out_w;
  const std::int64_t line_bytes = s_.in_w * pitch_;
  for (std::int64_t r = 0; r < rows;) {
    // Neighbours of one line that are all inside of it, or one window that is not.
    const bool inside = ox >= first_inside_ && ox < end_inside_;
    const std::int64_t run = inside ? std::min(rows - r, end_inside_ - ox) : 1;
    const std::int64_t ix = ox * s_.stride_w - s_.pad_left;
    std::int64_t y = oy * s_.stride_h - s_.pad_top;
    for (std::int64_t ky = 0; ky < s_.kernel_h; ++ky, y += s_.dilation_h) {
      const std::uint8_t** row = pointers + ky * rows + r;
      const std::uint8_t* from = zeros_;
      std::int64_t step = 0;
      if (y >= 0 && y < s_.in_h) {
        const std::uint8_t* line = image + y * line_bytes;
        if (inside) {
          from = line + ix * pitch_;
          step = s_.stride_w * pitch_;
        } else {
          copy(line, ix, copies);
          from = copies;
          copies += window_bytes(s_);
        }
      }
      for (std::int64_t i = 0; i < run; ++i) row[i] = from + i * step;
    }
    r += run, ox += run;
    if (ox == s_.out_w) ox = 0, ++oy;
  }
}

}  // namespace fettle::kernels
