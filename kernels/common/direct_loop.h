// SPDX-License-Identifier: Apache-2.0
//
// The tile of a direct convolution. `Tap` is a Simd with, beside its other functions,
//
//   template <int kPixels, int kVectors>
//   static void multiply(DirectSums<...>& sums, const float* x, const float* weights, std::int64_t pitch,
//                        const char* prefetch, std::size_t step);
//
// which adds a tap's products for all channels of a block, and fetches on its way. Included by the files of
// instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/direct.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// The sums of a tile: kPixels x kVectors registers.
template <typename Simd, int kPixels, int kVectors>
struct DirectSums {
  typename Simd::Vector at[kPixels][kVectors];
};

/// After the sums: clamp, residual, clamp, and the stores.
template <typename Simd, int kPixels, int kVectors>
inline void finish_direct(const DirectTile& t, DirectSums<Simd, kPixels, kVectors>& sums) noexcept {
  using Vector = typename Simd::Vector;
  const Vector low = Simd::all(t.low);
  const Vector high = Simd::all(t.high);
#pragma GCC unroll 14
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums.at[p][v] = Simd::clamp(sums.at[p][v], low, high);
  }
  if (t.residual != nullptr) {
    const Vector last_low = Simd::all(t.last_low);
    const Vector last_high = Simd::all(t.last_high);
#pragma GCC unroll 14
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Vector other = Simd::load(t.residual + v * t.output_pitch + p * Simd::kLanes);
        sums.at[p][v] = Simd::clamp(Simd::add(sums.at[p][v], other), last_low, last_high);
      }
    }
  }
  const bool whole = t.last_lanes == Simd::kLanes;
  const auto mask = Simd::mask(t.last_lanes);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    float* output = t.output + v * t.output_pitch;
    const bool zeros = v + 1 == kVectors && !whole;
#pragma GCC unroll 14
    for (int p = 0; p < kPixels; ++p, output += Simd::kLanes) {
      // Not the products of zeros, which are no zeros where an input is not finite.
      Simd::store(output, zeros ? Simd::all(0) : sums.at[p][v]);
      if (zeros) Simd::store(output, sums.at[p][v], mask);
    }
  }
}

template <typename Tap, int kPixels, int kVectors>
void direct_tile(const DirectTile& t) noexcept {
  DirectSums<Tap, kPixels, kVectors> sums;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const auto bias = Tap::load(t.bias + v * Tap::kLanes);
#pragma GCC unroll 14
    for (int p = 0; p < kPixels; ++p) sums.at[p][v] = bias;
  }
  const float* weights = t.weights;
  const float* block = t.input;
  const char* prefetch = t.prefetch;
  for (std::int64_t b = t.blocks; b > 0; --b, block += t.block_pitch, weights += t.skipped) {
    const float* row = block;
    for (std::int64_t ky = t.rows; ky > 0; --ky, row += t.row_pitch) {
      const float* x = row;
      for (std::int64_t kx = t.columns; kx > 0; --kx, x += t.tap_pitch) {
        Tap::template multiply<kPixels, kVectors>(sums, x, weights, t.weights_pitch, prefetch,
                                                  t.prefetch_step);
        prefetch += Tap::kLanes * t.prefetch_step;
        weights += Tap::kLanes * Tap::kLanes;
      }
    }
  }
  finish_direct(t, sums);
}

template <typename Simd>
void direct_copy(const float* from, std::int64_t step, float* to, std::int64_t count) noexcept {
  for (; count > 0; --count, from += step, to += Simd::kLanes) Simd::store(to, Simd::load(from));
}

/// A tap for instruction sets that broadcast a number as fast as they load a vector (x86).
template <typename Simd>
struct BroadcastTap : Simd {
  template <int kPixels, int kVectors>
  static void multiply(DirectSums<BroadcastTap, kPixels, kVectors>& sums, const float* x,
                       const float* weights, std::int64_t pitch, const char* prefetch,
                       std::size_t step) noexcept {
#pragma GCC unroll 1
    for (int c = 0; c < Simd::kLanes; ++c, ++x, weights += Simd::kLanes, prefetch += step) {
      __builtin_prefetch(prefetch, 0, 2);
      typename Simd::Vector w[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) w[v] = Simd::load(weights + v * pitch);
#pragma GCC unroll 14
      for (int p = 0; p < kPixels; ++p) {
        const auto number = Simd::broadcast(x + p * Simd::kLanes);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums.at[p][v] = Simd::fma(number, w[v], sums.at[p][v]);
      }
    }
  }
};

}  // namespace fettle::kernels
