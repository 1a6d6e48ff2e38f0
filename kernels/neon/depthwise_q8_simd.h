// SPDX-License-Identifier: Apache-2.0
//
// What depthwise convolutions of bytes have in common for NEON: registers of 16 channels. The anonymous
// namespace keeps it inside the file that uses it, as in simd_neon.h.
#pragma once

#include "kernels/neon/rounding_q8.h"

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {  // NOLINT(google-build-namespaces): see above

struct DepthwiseNeonBytes {
  static constexpr int kBytes = 16;
  using Bytes = uint8x16_t;

  static Bytes all_bytes(std::uint8_t x) noexcept { return vdupq_n_u8(x); }
  static Bytes load_bytes(const std::uint8_t* p) noexcept { return vld1q_u8(p); }
  static void store_bytes(std::uint8_t* p, Bytes x) noexcept { vst1q_u8(p, x); }
  /// The channels of a pixel.
  struct Part {
    std::size_t channels;
    explicit Part(std::int64_t count) noexcept : channels(static_cast<std::size_t>(count)) {}
  };
  template <int kTogether>
  static Bytes load_pixels(const std::uint8_t* p, std::int64_t, Part part, int) noexcept {
    if (part.channels == 8) return vcombine_u8(vld1_u8(p), vdup_n_u8(0));
    std::uint8_t all[kBytes] = {};
    std::memcpy(all, p, part.channels);
    return vld1q_u8(all);
  }
  template <int kTogether>
  static void store_pixels(Bytes bytes, std::uint8_t* output, std::int64_t, Part part, int pixels) noexcept {
    if (pixels <= 0) return;
    if (part.channels == 8) return vst1_u8(output, vget_low_u8(bytes));
    std::uint8_t all[kBytes];
    vst1q_u8(all, bytes);
    std::memcpy(output, all, part.channels);
  }
  static Bytes flipped(Bytes x, Bytes flip) noexcept { return veorq_u8(x, flip); }
};

}  // namespace
}  // namespace fettle::kernels
