// SPDX-License-Identifier: Apache-2.0
//
// Tiles for NEON whose weights are f16, bf16 or s8. On aarch64, with 32 registers, 16 (4 rows x 4 vectors)
// are sums, 4 hold a number of each row, and 2 vectors of weights; on armv7, with 16, a tile has 2 rows.
#include "kernels/common/widening_tile_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

struct F16Neon {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, float32x4_t (&weights)[1]) noexcept {
    weights[0] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
  }
};

struct Bf16Neon {
  using Stored = std::uint16_t;
  static constexpr int kTogether = 1;
  static void load(const Stored* from, float32x4_t (&weights)[1]) noexcept {
    weights[0] = vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vld1_u16(from)), 16));
  }
};

struct S8Neon {
  using Stored = std::int8_t;
  static constexpr int kTogether = 2;
  static void load(const Stored* from, float32x4_t (&weights)[2]) noexcept {
    const int16x8_t wide = vmovl_s8(vld1_s8(from));
    weights[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    weights[1] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide)));
  }
  static void load(const Stored* from, float32x4_t (&weights)[1]) noexcept {
    std::uint32_t four;
    std::memcpy(&four, from, sizeof four);
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)));
    weights[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
  }
};

#if defined(__arm__)
constexpr int kMostWideningRows = 2;
#else
constexpr int kMostWideningRows = 4;
#endif

}  // namespace

constinit const TileSet kTilesF16WeightsNeon = widening_tiles<Neon, F16Neon, kMostWideningRows>();
constinit const TileSet kTilesBf16WeightsNeon = widening_tiles<Neon, Bf16Neon, kMostWideningRows>();
constinit const TileSet kTilesS8WeightsNeon = widening_tiles<Neon, S8Neon, kMostWideningRows>();

}  // namespace fettle::kernels
