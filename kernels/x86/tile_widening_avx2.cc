// SPDX-License-Identifier: Apache-2.0
//
// Tiles for AVX2 with FMA and F16C whose weights are f16, bf16 or s8. Of the 16 registers, 12 (3 rows x 4
// vectors) are sums, 3 hold a number of each row, and one a vector of weights.
#include "kernels/common/widening_tile_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

#include <cstdint>

namespace fettle::kernels {
namespace {

struct F16Avx2 {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m256 (&weights)[1]) noexcept {
    weights[0] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
};

struct Bf16Avx2 {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m256 (&weights)[1]) noexcept {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    weights[0] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
};

struct S8Avx2 {
  using Stored = std::int8_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, __m256 (&weights)[1]) noexcept {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    weights[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  }
};

}  // namespace

constinit const TileSet kTilesF16WeightsAvx2 = widening_tiles<Avx2, F16Avx2, 3>();
constinit const TileSet kTilesBf16WeightsAvx2 = widening_tiles<Avx2, Bf16Avx2, 3>();
constinit const TileSet kTilesS8WeightsAvx2 = widening_tiles<Avx2, S8Avx2, 3>();

}  // namespace fettle::kernels
