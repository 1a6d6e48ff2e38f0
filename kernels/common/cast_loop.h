// SPDX-License-Identifier: Apache-2.0
//
// Lines of casts, a vector at a time. `Narrow` is an instruction set's type with
//
//   static constexpr int kElements;                                        // of one step
//   static void to_f16(const float* from, std::uint16_t* to) noexcept;      // kElements of them
//   static void to_bf16(const float* from, std::uint16_t* to) noexcept;
//   static void from_f16(const std::uint16_t* from, float* to) noexcept;
//   static void from_bf16(const std::uint16_t* from, float* to) noexcept;
//
// Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/cast.h"

#include <cstdint>

namespace fettle::kernels {

/// Whole steps, and the rest through buffers: nothing outside of either line is touched.
template <typename Narrow, auto step, typename From, typename To>
void cast_line(const From* from, To* to, std::int64_t count) noexcept {
  constexpr std::int64_t kElements = Narrow::kElements;
  std::int64_t i = 0;
  for (; i + kElements <= count; i += kElements) step(from + i, to + i);
  if (i == count) return;
  From last[kElements] = {};
  To made[kElements];
  for (std::int64_t k = 0; i + k < count; ++k) last[k] = from[i + k];
  step(last, made);
  for (std::int64_t k = 0; i + k < count; ++k) to[i + k] = made[k];
}

template <typename Narrow>
inline constexpr CastSet kCastsOf = {.to_f16 = cast_line<Narrow, Narrow::to_f16, float, std::uint16_t>,
                                     .to_bf16 = cast_line<Narrow, Narrow::to_bf16, float, std::uint16_t>,
                                     .from_f16 = cast_line<Narrow, Narrow::from_f16, std::uint16_t, float>,
                                     .from_bf16 = cast_line<Narrow, Narrow::from_bf16, std::uint16_t, float>};

}  // namespace fettle::kernels
