// SPDX-License-Identifier: Apache-2.0
//
// 8-bit tiles for AVX2. vpmaddubsw would saturate, so bytes become 16 bits, of which vpmaddwd multiplies and
// adds up pairs: the bytes of a group in even places, then those in odd ones, each with weights of 16 bits in
// that order. Those hold any difference of a byte and its zero point.
//
//   3 x 2: y0..y5 sums | y6..y9 weights | y10 y11 input | y12 mask    12 x 16 products for 7 loads
#include "kernels/common/q8/tile_loop.h"
#include "kernels/x86/loops.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

// Out of line: tiles are short of room for it.
[[gnu::noinline]] void store_part(__m128i bytes, std::uint8_t* output, std::size_t count) noexcept {
  alignas(16) std::uint8_t all[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
  std::memcpy(output, all, count);
}

struct Widening256 {
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  // Vectors of 32 bits, as the instructions see them: of __m256i, which is one of 64 bits, GCC 12 keeps
  // copies in memory.
  using Sums = __v8si;
  struct Weights {
    __m256i even, odd;
  };
  struct Input {
    __m256i even, odd;
  };

  static Sums load_sums(const std::int32_t* p) noexcept {
    return (Sums)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void store_sums(std::int32_t* p, Sums x) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)x);
  }
  static Sums all_sums(std::int32_t x) noexcept { return (Sums)_mm256_set1_epi32(x); }
  static Sums add_sums(Sums a, Sums b) noexcept { return a + b; }
  static Weights load_weights(const std::byte* panel, int v) noexcept {
    const auto* from = reinterpret_cast<const __m256i*>(panel + v * 64);
    return {_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
  }
  template <bool kFlips>
  static Input input(const std::uint8_t* x) noexcept {
    std::int32_t four;
    std::memcpy(&four, x, sizeof(four));
    __m256i all = _mm256_set1_epi32(four);
    if constexpr (kFlips) all = _mm256_xor_si256(all, _mm256_set1_epi32(static_cast<int>(0x80808080u)));
    return {_mm256_and_si256(all, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(all, 8)};
  }
  static Sums multiply_add(const Input& x, const Weights& w, Sums sum) noexcept {
    return sum + (Sums)_mm256_madd_epi16(x.even, w.even) + (Sums)_mm256_madd_epi16(x.odd, w.odd);
  }

  struct Rounding {
    __m256 low, high;
    __m256i zero;
    __m128i flip;
    std::size_t last;
    explicit Rounding(const TileQ8& t, std::size_t last_columns) noexcept
        : low(_mm256_set1_ps(t.low)),
          high(_mm256_set1_ps(t.high)),
          zero(_mm256_set1_epi32(t.zero)),
          flip(_mm_set1_epi8(static_cast<char>(t.output_flip))),
          last(last_columns) {}
    void store(Sums sum, const float* scale, std::uint8_t* output, bool whole) const noexcept {
      const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps((__m256i)sum), _mm256_loadu_ps(scale));
      const __m256 bounded = _mm256_min_ps(_mm256_max_ps(scaled, low), high);
      const __m256i rounded = _mm256_add_epi32(_mm256_cvtps_epi32(bounded), zero);
      const __m128i words =
          _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
      const __m128i bytes = _mm_xor_si128(_mm_packus_epi16(words, words), flip);
      if (whole)
        _mm_storel_epi64(reinterpret_cast<__m128i*>(output), bytes);
      else
        store_part(bytes, output, last);
    }
  };
};

constexpr TileQ8Set tiles_of_widening256() noexcept {
  TileQ8Set set{.vector = Widening256::kLanes,
                .signed_rows = false,
                .weight_bytes = 2,
                .order = WeightOrderQ8::even_odd,
                .most_rows = {8, 3},
                .kernels = {}};
  fill_tiles<Widening256, 1, false, 1, 2, 3, 4, 5, 6, 7, 8>(set.kernels[0][0]);
  fill_tiles<Widening256, 2, false, 1, 2, 3>(set.kernels[0][1]);
  fill_tiles<Widening256, 1, true, 1, 2, 3, 4, 5, 6, 7, 8>(set.kernels[1][0]);
  fill_tiles<Widening256, 2, true, 1, 2, 3>(set.kernels[1][1]);
  return set;
}

}  // namespace

constinit const TileQ8Set kTilesQ8Avx2 = tiles_of_widening256();

}  // namespace fettle::kernels
