// SPDX-License-Identifier: Apache-2.0
//
// Quantised depthwise convolutions for AVX2: two taps of 32 channels, in 16 bits, are interleaved, so that
// vpmaddwd adds up those of a channel.
#include "kernels/common/q8/depthwise_loop.h"
#include "kernels/x86/loops.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

// Most layers have a multiple of 8 channels.
inline void copy_part(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) noexcept {
  for (; count >= 8; count -= 8, from += 8, to += 8) std::memcpy(to, from, 8);
  for (; count > 0; --count) *to++ = *from++;
}

struct DepthwiseAvx2Q8 {
  static constexpr int kBytes = 32;
  static constexpr int kPlanes = 4;
  static constexpr int kLanes = 8;
  static constexpr int kTaps = 2;
  static constexpr int kWeightBytes = 2;
  using Bytes = __m256i;
  // Vectors of 32 bits, as the instructions see them: of __m256i, which is one of 64 bits, GCC 12 keeps
  // copies in memory.
  using Sums = __v8si;

  static Bytes all_bytes(std::uint8_t x) noexcept { return _mm256_set1_epi8(static_cast<char>(x)); }
  static Bytes load_bytes(const std::uint8_t* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void store_bytes(std::uint8_t* p, Bytes x) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }
  /// The channels of a pixel.
  struct Part {
    std::int64_t channels;
    explicit Part(std::int64_t count) noexcept : channels(count) {}
  };
  template <int kTogether>
  static Bytes load_pixels(const std::uint8_t* p, std::int64_t pitch, Part part, int pixels) noexcept {
    alignas(32) std::uint8_t all[kBytes] = {};
    for (int i = 0; i < pixels; ++i) copy_part(p + i * pitch, part.channels, all + i * (kBytes / kTogether));
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(all));
  }
  template <int kTogether>
  static void store_pixels(Bytes bytes, std::uint8_t* output, std::int64_t pitch, Part part,
                           int pixels) noexcept {
    alignas(32) std::uint8_t all[kBytes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(all), bytes);
    for (int i = 0; i < std::min(pixels, kTogether); ++i)
      copy_part(all + i * (kBytes / kTogether), part.channels, output + i * pitch);
  }
  static Bytes flipped(Bytes x, Bytes flip) noexcept { return _mm256_xor_si256(x, flip); }
  static void store_interleaved(std::byte* to, std::int64_t plane_step, const Bytes (&taps)[kTaps]) noexcept {
    const __m256i nothing = _mm256_setzero_si256();
    const Bytes low0 = _mm256_unpacklo_epi8(taps[0], nothing);
    const Bytes high0 = _mm256_unpackhi_epi8(taps[0], nothing);
    const Bytes low1 = _mm256_unpacklo_epi8(taps[1], nothing);
    const Bytes high1 = _mm256_unpackhi_epi8(taps[1], nothing);
    const auto store = [&](int plane, Bytes quads) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + plane * plane_step), quads);
    };
    store(0, _mm256_unpacklo_epi16(low0, low1));
    store(1, _mm256_unpackhi_epi16(low0, low1));
    store(2, _mm256_unpacklo_epi16(high0, high1));
    store(3, _mm256_unpackhi_epi16(high0, high1));
  }
  static Bytes ones(int taps) noexcept { return _mm256_set1_epi32(taps == kTaps ? 0x10001 : 1); }
  static Sums load_sums(const std::int32_t* p) noexcept {
    return (Sums)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Bytes load_quads(const std::byte* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Sums multiply_add(Bytes x, Bytes w, Sums sum) noexcept {
    return sum + (Sums)_mm256_madd_epi16(x, w);
  }

  static Sums add_times(Sums sum, Sums x, std::int32_t factor) noexcept { return sum + x * factor; }

  /// Packing saturates, so that bounds may be applied to bytes; only what is too large for 32 bits must be
  /// kept from becoming negative.
  struct Rounding {
    __m256 high;
    __m256i zero, least, most, flip;
    explicit Rounding(const DepthwiseQ8Row& row) noexcept
        : high(_mm256_set1_ps(row.high)),
          zero(_mm256_set1_epi16(static_cast<std::int16_t>(row.zero))),
          least(_mm256_set1_epi8(static_cast<char>(static_cast<int>(row.low) + row.zero))),
          most(_mm256_set1_epi8(static_cast<char>(static_cast<int>(row.high) + row.zero))),
          flip(_mm256_set1_epi8(static_cast<char>(row.flip))) {}
    __m256i rounded(Sums sum, const float* scale) const noexcept {
      const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps((__m256i)sum), _mm256_loadu_ps(scale));
      return _mm256_cvtps_epi32(_mm256_min_ps(scaled, high));
    }
    Bytes bytes(const Sums (&sums)[4], const float* scale) const noexcept {
      const __m256i first = _mm256_packs_epi32(rounded(sums[0], scale), rounded(sums[1], scale + kLanes));
      const __m256i second =
          _mm256_packs_epi32(rounded(sums[2], scale + 2 * kLanes), rounded(sums[3], scale + 3 * kLanes));
      const __m256i all =
          _mm256_packus_epi16(_mm256_adds_epi16(first, zero), _mm256_adds_epi16(second, zero));
      return _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(all, least), most), flip);
    }
  };
};

}  // namespace

constinit const DepthwiseQ8Set kDepthwiseQ8Avx2 = {
    .bytes = DepthwiseAvx2Q8::kBytes,
    .taps = DepthwiseAvx2Q8::kTaps,
    .weight_bytes = DepthwiseAvx2Q8::kWeightBytes,
    .interleave = {interleave_q8<DepthwiseAvx2Q8, 1>, interleave_q8<DepthwiseAvx2Q8, 2>, nullptr},
    .row = {depthwise_q8_row<DepthwiseAvx2Q8, 1, 2>, depthwise_q8_row<DepthwiseAvx2Q8, 2, 2>, nullptr},
    .signed_rows = false};

}  // namespace fettle::kernels
