// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX-512 whose weights are f16, bf16 or s8. Of the 32 registers, 24 (6 rows x 4 vectors) are sums,
// 6 hold a number of each row, and one a vector of weights.
#include "kernels/common/widening_tile_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

#include <cstdint>

namespace fettle::kernels {
namespace {

struct F16Avx512 {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m512 (&weights)[1]) noexcept {
    weights[0] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
};

struct Bf16Avx512 {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m512 (&weights)[1]) noexcept {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    weights[0] = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
};

struct S8Avx512 {
  using Stored = std::int8_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m512 (&weights)[1]) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    weights[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
  }
};

}  // namespace

constinit const TileSet kTilesF16WeightsAvx512 = widening_tiles<Avx512, F16Avx512, 6>();
constinit const TileSet kTilesBf16WeightsAvx512 = widening_tiles<Avx512, Bf16Avx512, 6>();
constinit const TileSet kTilesS8WeightsAvx512 = widening_tiles<Avx512, S8Avx512, 6>();

}  // namespace fettle::kernels
