// SPDX-License-Identifier: Apache-2.0
//
// 8-bit tiles for AVX-512 VNNI: vpdpbusd multiplies four unsigned bytes of a row by four signed weights of
// each column and adds them to the column's sum, without saturation on the way. Registers as in
// tile_avx512.cc:
//
//   14 x 2: z0..z27 sums | z28 z29 weights | z30 input    28 x 64 products for 16 loads
#include "kernels/common/q8/tile_loop.h"
#include "kernels/x86/loops.h"

#include <immintrin.h>

namespace fettle::kernels {
namespace {

struct Vnni512 {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  // Vectors of 32 bits, as the instructions see them: of __m512i, which is one of 64 bits, GCC 12 keeps
  // copies in memory.
  using Sums = __v16si;
  using Weights = __m512i;
  using Input = __m512i;

  static Sums load_sums(const std::int32_t* p) noexcept { return (Sums)_mm512_loadu_si512(p); }
  static void store_sums(std::int32_t* p, Sums x) noexcept { _mm512_storeu_si512(p, (__m512i)x); }
  static Sums all_sums(std::int32_t x) noexcept { return (Sums)_mm512_set1_epi32(x); }
  static Sums add_sums(Sums a, Sums b) noexcept { return a + b; }
  static Weights load_weights(const std::byte* panel, int v) noexcept {
    return _mm512_loadu_si512(panel + v * 64);
  }
  template <bool kFlips>
  static Input input(const std::uint8_t* x) noexcept {
    std::int32_t four;
    std::memcpy(&four, x, sizeof(four));
    const __m512i all = _mm512_set1_epi32(four);
    return kFlips ? _mm512_xor_si512(all, _mm512_set1_epi32(static_cast<int>(0x80808080u))) : all;
  }
  static Sums multiply_add(Input x, Weights w, Sums sum) noexcept {
    return (Sums)_mm512_dpbusd_epi32((__m512i)sum, x, w);
  }

  struct Rounding {
    __m512 low, high;
    __m512i zero, flip;
    __mmask16 last;
    explicit Rounding(const TileQ8& t, std::size_t last_columns) noexcept
        : low(_mm512_set1_ps(t.low)),
          high(_mm512_set1_ps(t.high)),
          zero(_mm512_set1_epi32(t.zero)),
          flip(_mm512_set1_epi32(t.output_flip)),
          last(static_cast<__mmask16>((1u << last_columns) - 1u)) {}
    void store(Sums sum, const float* scale, std::uint8_t* output, bool whole) const noexcept {
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)sum), _mm512_loadu_ps(scale));
      const __m512 bounded = _mm512_min_ps(_mm512_max_ps(scaled, low), high);
      const __m512i rounded = _mm512_add_epi32(_mm512_cvtps_epi32(bounded), zero);
      const __m512i bytes = _mm512_xor_si512(rounded, flip);
      if (whole)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(output), _mm512_cvtepi32_epi8(bytes));
      else
        _mm512_mask_cvtepi32_storeu_epi8(output, last, bytes);
    }
  };
};

constexpr TileQ8Set tiles_of_vnni512() noexcept {
  TileQ8Set set{.vector = Vnni512::kLanes,
                .signed_rows = false,
                .weight_bytes = 1,
                .order = WeightOrderQ8::groups,
                .most_rows = {14, 14},
                .kernels = {}};
  fill_tiles<Vnni512, 1, false, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(set.kernels[0][0]);
  fill_tiles<Vnni512, 2, false, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(set.kernels[0][1]);
  fill_tiles<Vnni512, 1, true, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(set.kernels[1][0]);
  fill_tiles<Vnni512, 2, true, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>(set.kernels[1][1]);
  return set;
}

}  // namespace

constinit const TileQ8Set kTilesQ8Vnni512 = tiles_of_vnni512();

}  // namespace fettle::kernels
