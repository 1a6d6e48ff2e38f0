// SPDX-License-Identifier: Apache-2.0
//
// Winograd's minimal filtering for 3x3 windows: F(m x m, 3 x 3) computes m x m outputs from a patch of
// (m + 2) x (m + 2) inputs with as many multiplications as the patch has numbers (Lavin and Gray 2016,
// arXiv:1509.09308). Here are the transforms of a patch and of a result, for all channels of nhwc tensors,
// one vector of channels at a time. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/winograd.h"

#include <cstdint>

namespace fettle::kernels {

/// The one-dimensional transforms B^T and A^T. `d` and `t` have m + 2 vectors, `y` has m.
template <typename Simd, int m>
struct WinogradMatrix;

// Points 0, 1, -1, infinity.
template <typename Simd>
struct WinogradMatrix<Simd, 2> {
  using Vector = typename Simd::Vector;
  static void input(const Vector* d, Vector* t) noexcept {
    t[0] = Simd::sub(d[0], d[2]);
    t[1] = Simd::add(d[1], d[2]);
    t[2] = Simd::sub(d[2], d[1]);
    t[3] = Simd::sub(d[3], d[1]);
  }
  static void output(const Vector* t, Vector* y) noexcept {
    y[0] = Simd::add(Simd::add(t[0], t[1]), t[2]);
    y[1] = Simd::add(Simd::sub(t[1], t[2]), t[3]);
  }
};

// Points 0, 1, -1, 2, -2, infinity. Rows of opposite points differ in the sign of the odd terms alone.
template <typename Simd>
struct WinogradMatrix<Simd, 4> {
  using Vector = typename Simd::Vector;
  static void input(const Vector* d, Vector* t) noexcept {
    const Vector two = Simd::all(2);
    const Vector minus_four = Simd::all(-4);
    const Vector minus_five = Simd::all(-5);
    const Vector four = Simd::all(4);
    const Vector even1 = Simd::fma(minus_four, d[2], d[4]);
    const Vector odd1 = Simd::fma(minus_four, d[1], d[3]);
    const Vector even2 = Simd::sub(d[4], d[2]);
    const Vector odd2 = Simd::mul(two, Simd::sub(d[3], d[1]));
    t[0] = Simd::fma(four, d[0], Simd::fma(minus_five, d[2], d[4]));
    t[1] = Simd::add(even1, odd1);
    t[2] = Simd::sub(even1, odd1);
    t[3] = Simd::add(even2, odd2);
    t[4] = Simd::sub(even2, odd2);
    t[5] = Simd::fma(four, d[1], Simd::fma(minus_five, d[3], d[5]));
  }
  static void output(const Vector* t, Vector* y) noexcept {
    const Vector even1 = Simd::add(t[1], t[2]);
    const Vector odd1 = Simd::sub(t[1], t[2]);
    const Vector even2 = Simd::add(t[3], t[4]);
    const Vector odd2 = Simd::sub(t[3], t[4]);
    y[0] = Simd::add(t[0], Simd::add(even1, even2));
    y[1] = Simd::fma(Simd::all(2), odd2, odd1);
    y[2] = Simd::fma(Simd::all(4), even2, even1);
    y[3] = Simd::add(t[5], Simd::fma(Simd::all(8), odd2, odd1));
  }
};

// Points 0, 1, -1, 2, -2, 1/2, -1/2, infinity.
template <typename Simd>
struct WinogradMatrix<Simd, 6> {
  using Vector = typename Simd::Vector;
  static void input(const Vector* d, Vector* t) noexcept {
    const Vector c525 = Simd::all(5.25f);
    const Vector c425 = Simd::all(-4.25f);
    const Vector even1 = Simd::fma(c425, d[4], Simd::add(d[2], d[6]));
    const Vector odd1 = Simd::fma(c425, d[3], Simd::add(d[1], d[5]));
    const Vector even2 = Simd::fma(Simd::all(0.25f), d[2], Simd::fma(Simd::all(-1.25f), d[4], d[6]));
    const Vector odd2 =
        Simd::fma(Simd::all(0.5f), d[1], Simd::fma(Simd::all(-2.5f), d[3], Simd::mul(Simd::all(2), d[5])));
    const Vector even3 = Simd::fma(Simd::all(4), d[2], Simd::fma(Simd::all(-5), d[4], d[6]));
    const Vector odd3 =
        Simd::fma(Simd::all(2), d[1], Simd::fma(Simd::all(-2.5f), d[3], Simd::mul(Simd::all(0.5f), d[5])));
    t[0] = Simd::fma(c525, Simd::sub(d[4], d[2]), Simd::sub(d[0], d[6]));
    t[1] = Simd::add(even1, odd1);
    t[2] = Simd::sub(even1, odd1);
    t[3] = Simd::add(even2, odd2);
    t[4] = Simd::sub(even2, odd2);
    t[5] = Simd::add(even3, odd3);
    t[6] = Simd::sub(even3, odd3);
    t[7] = Simd::fma(c525, Simd::sub(d[3], d[5]), Simd::sub(d[7], d[1]));
  }
  static void output(const Vector* t, Vector* y) noexcept {
    const Vector even1 = Simd::add(t[1], t[2]);
    const Vector odd1 = Simd::sub(t[1], t[2]);
    const Vector even2 = Simd::add(t[3], t[4]);
    const Vector odd2 = Simd::sub(t[3], t[4]);
    const Vector even3 = Simd::add(t[5], t[6]);
    const Vector odd3 = Simd::sub(t[5], t[6]);
    y[0] = Simd::add(Simd::add(t[0], even1), Simd::add(even2, even3));
    y[1] = Simd::fma(Simd::all(2), odd2, Simd::fma(Simd::all(0.5f), odd3, odd1));
    y[2] = Simd::fma(Simd::all(4), even2, Simd::fma(Simd::all(0.25f), even3, even1));
    y[3] = Simd::fma(Simd::all(8), odd2, Simd::fma(Simd::all(0.125f), odd3, odd1));
    y[4] = Simd::fma(Simd::all(16), even2, Simd::fma(Simd::all(0.0625f), even3, even1));
    y[5] = Simd::add(t[7], Simd::fma(Simd::all(32), odd2, Simd::fma(Simd::all(0.03125f), odd3, odd1)));
  }
};

/// V = B^T d B for one patch and one vector of channels. `kWhole`: the patch lies inside of the image.
template <typename Simd, int m, bool kTail, bool kWhole>
inline void winograd_input_channels(const WinogradPatch& patch, std::int64_t c,
                                    typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr int kSide = m + 2;
  Vector rows[kSide][kSide];  // B^T d
  for (int j = 0; j < kSide; ++j) {
    Vector column[kSide];
    Vector transformed[kSide];
#pragma GCC unroll 8
    for (int i = 0; i < kSide; ++i) {
      const bool inside =
          kWhole || (i >= patch.top && i < patch.bottom && j >= patch.left && j < patch.right);
      const std::int64_t offset = i * patch.row_pitch + j * patch.pixel_pitch + c;
      column[i] = inside ? load_lanes<Simd, kTail>(patch.input + offset, mask) : Simd::all(0);
    }
    WinogradMatrix<Simd, m>::input(column, transformed);
#pragma GCC unroll 8
    for (int i = 0; i < kSide; ++i) rows[i][j] = transformed[i];
  }
  float* target = patch.transformed + c;
  for (int i = 0; i < kSide; ++i) {
    Vector transformed[kSide];
    WinogradMatrix<Simd, m>::input(rows[i], transformed);
#pragma GCC unroll 8
    for (int j = 0; j < kSide; ++j, target += patch.point_pitch) Simd::store(target, transformed[j]);
  }
}

template <typename Simd, int m>
void winograd_input(const WinogradPatch& patch) noexcept {
  constexpr int kSide = m + 2;
  const bool whole = patch.top == 0 && patch.left == 0 && patch.bottom == kSide && patch.right == kSide;
  const auto all = Simd::mask(Simd::kLanes);
  std::int64_t c = 0;
  for (; c + Simd::kLanes <= patch.channels; c += Simd::kLanes) {
    if (whole)
      winograd_input_channels<Simd, m, false, true>(patch, c, all);
    else
      winograd_input_channels<Simd, m, false, false>(patch, c, all);
  }
  if (c < patch.channels)
    winograd_input_channels<Simd, m, true, false>(patch, c,
                                                  Simd::mask(static_cast<std::size_t>(patch.channels - c)));
}

/// One number of each channel of a patch's results: what follows a convolution.
template <typename Simd, bool kTail>
inline void winograd_finish(const WinogradResult& result, int i, int j, std::int64_t c,
                            typename Simd::Vector sum, typename Simd::Mask mask) noexcept {
  auto value = Simd::clamp(sum, Simd::all(result.clamp.low), Simd::all(result.clamp.high));
  if (result.residual != nullptr) {
    const float* other = result.residual + i * result.residual_row_pitch + j * result.residual_pixel_pitch;
    value = Simd::clamp(Simd::add(value, load_lanes<Simd, kTail>(other + c, mask)),
                        Simd::all(result.after_added.low), Simd::all(result.after_added.high));
  }
  store_lanes<Simd, kTail>(result.output + i * result.row_pitch + j * result.pixel_pitch + c, value, mask);
}

/// y = A^T M A for one patch and one vector of channels, and what follows a convolution. `kWhole`: all
/// results lie inside of the image.
template <typename Simd, int m, bool kTail, bool kWhole>
inline void winograd_output_channels(const WinogradResult& result, std::int64_t c,
                                     typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr int kSide = m + 2;
  const Vector bias = Simd::load(result.bias + c);
  Vector rows[m][kSide];  // A^T M
  const float* from = result.products + c;
  for (int j = 0; j < kSide; ++j) {
    Vector column[kSide];
    Vector transformed[m];
#pragma GCC unroll 8
    for (int i = 0; i < kSide; ++i) column[i] = Simd::load(from + (i * kSide + j) * result.point_pitch);
    WinogradMatrix<Simd, m>::output(column, transformed);
#pragma GCC unroll 6
    for (int i = 0; i < m; ++i) rows[i][j] = transformed[i];
  }
  for (int i = 0; i < (kWhole ? m : result.rows); ++i) {
    Vector y[m];
    WinogradMatrix<Simd, m>::output(rows[i], y);
    if constexpr (kWhole) {
#pragma GCC unroll 6
      for (int j = 0; j < m; ++j) winograd_finish<Simd, kTail>(result, i, j, c, Simd::add(y[j], bias), mask);
    } else {
      for (int j = 0; j < result.columns; ++j)
        winograd_finish<Simd, kTail>(result, i, j, c, Simd::add(y[j], bias), mask);
    }
  }
}

template <typename Simd, int m>
void winograd_output(const WinogradResult& result) noexcept {
  const bool whole = result.rows == m && result.columns == m;
  const auto all = Simd::mask(Simd::kLanes);
  std::int64_t c = 0;
  for (; c + Simd::kLanes <= result.channels; c += Simd::kLanes) {
    if (whole)
      winograd_output_channels<Simd, m, false, true>(result, c, all);
    else
      winograd_output_channels<Simd, m, false, false>(result, c, all);
  }
  if (c < result.channels)
    winograd_output_channels<Simd, m, true, false>(result, c,
                                                   Simd::mask(static_cast<std::size_t>(result.channels - c)));
}

}  // namespace fettle::kernels
