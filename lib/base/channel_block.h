// SPDX-License-Identifier: Apache-2.0
//
// How many channels lie together in `Layout::nchwc`. There is one number for a CPU, so that the layout's name
// says all in plans and in the tuner.
#pragma once

#include <fettle/cpu.h>
#include <fettle/types.h>

#include <cstddef>
#include <cstdint>

namespace fettle {

/// As many floats as the widest vector that kernels have on a CPU with these instructions. With more, small
/// tensors would carry more padding and gain nothing: a register tile takes as many blocks as it likes.
constexpr std::uint8_t channel_block(Isa isa) noexcept {
  constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
  if (has_all(isa, Isa::avx512f | kAvx2)) return 16;
  return has_all(isa, kAvx2) ? 8 : 4;
}

/// `format` with another layout, as it is on a CPU with these instructions.
constexpr Format in_layout(Format format, Layout layout, Isa isa) noexcept {
  format.layout = layout;
  format.block = layout == Layout::nchwc ? channel_block(isa) : std::uint8_t{0};
  return format;
}

/// Elements from a tensor's first to those at `index` along `axis`. In nchwc this is where a block begins.
constexpr std::int64_t offset_along(const Strides& strides, const Format& format, int axis,
                                    std::int64_t index) noexcept {
  const bool blocks = axis == 1 && format.layout == Layout::nchwc && format.block > 0;
  return strides[static_cast<std::size_t>(axis)] * (blocks ? index / format.block : index);
}

}  // namespace fettle
