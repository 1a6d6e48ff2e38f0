// SPDX-License-Identifier: Apache-2.0
//
// Quantised depthwise convolutions for AVX-512 VNNI: four taps of 64 channels are interleaved, so that
// vpdpbusd adds up those of a channel.
#include "kernels/common/q8/depthwise_loop.h"
#include "kernels/x86/loops.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

struct DepthwiseVnni512 {
  static constexpr int kBytes = 64;
  static constexpr int kPlanes = 4;
  static constexpr int kLanes = 16;
  static constexpr int kTaps = 4;
  static constexpr int kWeightBytes = 1;
  using Bytes = __m512i;
  // Vectors of 32 bits, as the instructions see them: of __m512i, which is one of 64 bits, GCC 12 keeps
  // copies in memory.
  using Sums = __v16si;

  static Bytes all_bytes(std::uint8_t x) noexcept { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Bytes load_bytes(const std::uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static void store_bytes(std::uint8_t* p, Bytes x) noexcept { _mm512_storeu_si512(p, x); }
  /// The channels of a pixel.
  struct Part {
    __mmask64 mask;
    explicit Part(std::int64_t channels) noexcept
        : mask(channels == kBytes ? ~std::uint64_t{0} : (std::uint64_t{1} << channels) - 1) {}
  };
  template <int kTogether>
  static Bytes load_pixels(const std::uint8_t* p, std::int64_t pitch, Part part, int pixels) noexcept {
    const auto pixel = [&](int i) {
      return i < pixels ? _mm512_maskz_loadu_epi8(part.mask, p + i * pitch) : _mm512_setzero_si512();
    };
    Bytes all = pixel(0);
    if constexpr (kTogether == 2) {
      all = _mm512_inserti64x4(all, _mm512_castsi512_si256(pixel(1)), 1);
    } else if constexpr (kTogether == 4) {
      all = _mm512_inserti32x4(all, _mm512_castsi512_si128(pixel(1)), 1);
      all = _mm512_inserti32x4(all, _mm512_castsi512_si128(pixel(2)), 2);
      all = _mm512_inserti32x4(all, _mm512_castsi512_si128(pixel(3)), 3);
    }
    return all;
  }
  template <int kTogether>
  static void store_pixels(Bytes bytes, std::uint8_t* output, std::int64_t pitch, Part part,
                           int pixels) noexcept {
#pragma GCC unroll 4
    for (int i = 0; i < kTogether; ++i, output += pitch) {
      if (i < pixels) _mm512_mask_storeu_epi8(output, part.mask, bytes);
      // The next pixel's bytes move to the front.
      if constexpr (kTogether == 2) bytes = _mm512_shuffle_i64x2(bytes, bytes, 0b11'10'11'10);
      if constexpr (kTogether == 4) bytes = _mm512_shuffle_i64x2(bytes, bytes, 0b00'11'10'01);
    }
  }
  static Bytes flipped(Bytes x, Bytes flip) noexcept { return _mm512_xor_si512(x, flip); }
  static void store_interleaved(std::byte* to, std::int64_t plane_step, const Bytes (&taps)[kTaps]) noexcept {
    const Bytes low01 = _mm512_unpacklo_epi8(taps[0], taps[1]);
    const Bytes high01 = _mm512_unpackhi_epi8(taps[0], taps[1]);
    const Bytes low23 = _mm512_unpacklo_epi8(taps[2], taps[3]);
    const Bytes high23 = _mm512_unpackhi_epi8(taps[2], taps[3]);
    _mm512_storeu_si512(to, _mm512_unpacklo_epi16(low01, low23));
    _mm512_storeu_si512(to + plane_step, _mm512_unpackhi_epi16(low01, low23));
    _mm512_storeu_si512(to + 2 * plane_step, _mm512_unpacklo_epi16(high01, high23));
    _mm512_storeu_si512(to + 3 * plane_step, _mm512_unpackhi_epi16(high01, high23));
  }
  static Bytes ones(int taps) noexcept {
    return _mm512_set1_epi32(static_cast<int>(0x01010101u >> 8 * (kTaps - taps)));
  }
  static Sums load_sums(const std::int32_t* p) noexcept { return (Sums)_mm512_loadu_si512(p); }
  static Bytes load_quads(const std::byte* p) noexcept { return _mm512_loadu_si512(p); }
  static Sums multiply_add(Bytes x, Bytes w, Sums sum) noexcept {
    return (Sums)_mm512_dpbusd_epi32((__m512i)sum, x, w);
  }

  static Sums add_times(Sums sum, Sums x, std::int32_t factor) noexcept { return sum + x * factor; }

  /// Packing saturates, so that bounds may be applied to bytes; only what is too large for 32 bits must be
  /// kept from becoming negative.
  struct Rounding {
    __m512 high;
    __m512i zero, least, most, flip;
    explicit Rounding(const DepthwiseQ8Row& row) noexcept
        : high(_mm512_set1_ps(row.high)),
          zero(_mm512_set1_epi16(static_cast<std::int16_t>(row.zero))),
          least(_mm512_set1_epi8(static_cast<char>(static_cast<int>(row.low) + row.zero))),
          most(_mm512_set1_epi8(static_cast<char>(static_cast<int>(row.high) + row.zero))),
          flip(_mm512_set1_epi8(static_cast<char>(row.flip))) {}
    __m512i rounded(Sums sum, const float* scale) const noexcept {
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)sum), _mm512_loadu_ps(scale));
      return _mm512_cvtps_epi32(_mm512_min_ps(scaled, high));
    }
    Bytes bytes(const Sums (&sums)[4], const float* scale) const noexcept {
      const __m512i first = _mm512_packs_epi32(rounded(sums[0], scale), rounded(sums[1], scale + kLanes));
      const __m512i second =
          _mm512_packs_epi32(rounded(sums[2], scale + 2 * kLanes), rounded(sums[3], scale + 3 * kLanes));
      const __m512i all =
          _mm512_packus_epi16(_mm512_adds_epi16(first, zero), _mm512_adds_epi16(second, zero));
      return _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(all, least), most), flip);
    }
  };
};

}  // namespace

constinit const DepthwiseQ8Set kDepthwiseQ8Vnni512 = {
    .bytes = DepthwiseVnni512::kBytes,
    .taps = DepthwiseVnni512::kTaps,
    .weight_bytes = DepthwiseVnni512::kWeightBytes,
    .interleave = {interleave_q8<DepthwiseVnni512, 1>, interleave_q8<DepthwiseVnni512, 2>,
                   interleave_q8<DepthwiseVnni512, 4>},
    .row = {depthwise_q8_row<DepthwiseVnni512, 1, 4>, depthwise_q8_row<DepthwiseVnni512, 2, 4>,
            depthwise_q8_row<DepthwiseVnni512, 4, 4>},
    .signed_rows = false};

}  // namespace fettle::kernels
