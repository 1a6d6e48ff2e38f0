// SPDX-License-Identifier: Apache-2.0
//
// Winograd's minimal filtering for 3x3 windows: F(m x m, 3 x 3) computes m x m outputs from a patch of
// (m + 2) x (m + 2) inputs with as many multiplications as the patch has numbers (Lavin and Gray 2016,
// arXiv:1509.09308). Here are the transforms of a patch and of a result, for all channels of nhwc tensors,
// one vector of channels at a time. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/lanes.h"
#include "kernels/common/winograd.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace fettle::kernels {

/// The one-dimensional transforms B^T and A^T. `d` and `t` have m + 2 vectors, `y` has m. The points come in
/// groups, the first by itself, then opposite ones together, which share most of their work, and where m is
/// even the last by itself: a group's results are computed without the others'.
template <typename Simd, int m>
struct WinogradMatrix;

// Points 0, 1, -1, infinity.
template <typename Simd>
struct WinogradMatrix<Simd, 2> {
  using Vector = typename Simd::Vector;
  static constexpr int kGroups = 3;
  template <int kGroup>
  static void input(const Vector* d, Vector* t) noexcept {
    if constexpr (kGroup == 0) {
      t[0] = Simd::sub(d[0], d[2]);
    } else if constexpr (kGroup == 1) {
      t[1] = Simd::add(d[1], d[2]);
      t[2] = Simd::sub(d[2], d[1]);
    } else {
      t[3] = Simd::sub(d[3], d[1]);
    }
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
  static constexpr int kGroups = 4;
  template <int kGroup>
  static void input(const Vector* d, Vector* t) noexcept {
    if constexpr (kGroup == 0) {
      t[0] = Simd::fma(Simd::all(4), d[0], Simd::fma(Simd::all(-5), d[2], d[4]));
    } else if constexpr (kGroup == 1) {
      const Vector even = Simd::fma(Simd::all(-4), d[2], d[4]);
      const Vector odd = Simd::fma(Simd::all(-4), d[1], d[3]);
      t[1] = Simd::add(even, odd);
      t[2] = Simd::sub(even, odd);
    } else if constexpr (kGroup == 2) {
      const Vector even = Simd::sub(d[4], d[2]);
      const Vector odd = Simd::sub(d[3], d[1]);
      t[3] = Simd::fma(Simd::all(2), odd, even);
      t[4] = Simd::fma(Simd::all(-2), odd, even);
    } else {
      t[5] = Simd::fma(Simd::all(4), d[1], Simd::fma(Simd::all(-5), d[3], d[5]));
    }
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

// Points infinity, 1, -1, 2, -2, 1/2, -1/2. Without 0 all finite points have opposites.
template <typename Simd>
struct WinogradMatrix<Simd, 5> {
  using Vector = typename Simd::Vector;
  static constexpr int kGroups = 4;
  template <int kGroup>
  static void input(const Vector* d, Vector* t) noexcept {
    if constexpr (kGroup == 0) {
      t[0] = Simd::fma(Simd::all(5.25f), Simd::sub(d[2], d[4]), Simd::sub(d[6], d[0]));
    } else if constexpr (kGroup == 1) {
      const Vector even = Simd::fma(Simd::all(-4.25f), d[2], Simd::add(d[0], d[4]));
      const Vector odd = Simd::fma(Simd::all(-4.25f), d[3], Simd::add(d[1], d[5]));
      t[1] = Simd::add(odd, even);
      t[2] = Simd::sub(odd, even);
    } else if constexpr (kGroup == 2) {
      const Vector even = Simd::fma(Simd::all(0.25f), d[0], Simd::fma(Simd::all(-1.25f), d[2], d[4]));
      const Vector odd = Simd::fma(Simd::all(0.25f), d[1], Simd::fma(Simd::all(-1.25f), d[3], d[5]));
      t[3] = Simd::fma(Simd::all(2), even, odd);
      t[4] = Simd::fma(Simd::all(-2), even, odd);
    } else {
      const Vector even = Simd::fma(Simd::all(4), d[0], Simd::fma(Simd::all(-5), d[2], d[4]));
      const Vector odd = Simd::fma(Simd::all(4), d[1], Simd::fma(Simd::all(-5), d[3], d[5]));
      t[5] = Simd::fma(Simd::all(0.5f), even, odd);
      t[6] = Simd::fma(Simd::all(-0.5f), even, odd);
    }
  }
  static void output(const Vector* t, Vector* y) noexcept {
    const Vector even1 = Simd::add(t[1], t[2]);
    const Vector odd1 = Simd::sub(t[1], t[2]);
    const Vector even2 = Simd::add(t[3], t[4]);
    const Vector odd2 = Simd::sub(t[3], t[4]);
    const Vector even3 = Simd::add(t[5], t[6]);
    const Vector odd3 = Simd::sub(t[5], t[6]);
    y[0] = Simd::add(even1, Simd::add(even2, even3));
    y[1] = Simd::fma(Simd::all(2), odd2, Simd::fma(Simd::all(0.5f), odd3, odd1));
    y[2] = Simd::fma(Simd::all(4), even2, Simd::fma(Simd::all(0.25f), even3, even1));
    y[3] = Simd::fma(Simd::all(8), odd2, Simd::fma(Simd::all(0.125f), odd3, odd1));
    y[4] = Simd::add(t[0], Simd::fma(Simd::all(16), even2, Simd::fma(Simd::all(0.0625f), even3, even1)));
  }
};

// Points 0, 1, -1, 2, -2, 1/2, -1/2, infinity.
template <typename Simd>
struct WinogradMatrix<Simd, 6> {
  using Vector = typename Simd::Vector;
  static constexpr int kGroups = 5;
  template <int kGroup>
  static void input(const Vector* d, Vector* t) noexcept {
    const auto with_opposite = [t](Vector even, Vector odd) {
      constexpr int kPositive = 2 * kGroup - 1;
      t[kPositive] = Simd::add(even, odd);
      t[kPositive + 1] = Simd::sub(even, odd);
    };
    if constexpr (kGroup == 0) {
      t[0] = Simd::fma(Simd::all(5.25f), Simd::sub(d[4], d[2]), Simd::sub(d[0], d[6]));
    } else if constexpr (kGroup == 1) {
      with_opposite(Simd::fma(Simd::all(-4.25f), d[4], Simd::add(d[2], d[6])),
                    Simd::fma(Simd::all(-4.25f), d[3], Simd::add(d[1], d[5])));
    } else if constexpr (kGroup == 2) {
      with_opposite(
          Simd::fma(Simd::all(0.25f), d[2], Simd::fma(Simd::all(-1.25f), d[4], d[6])),
          Simd::fma(Simd::all(0.5f), d[1], Simd::fma(Simd::all(-2.5f), d[3], Simd::add(d[5], d[5]))));
    } else if constexpr (kGroup == 3) {
      with_opposite(
          Simd::fma(Simd::all(4), d[2], Simd::fma(Simd::all(-5), d[4], d[6])),
          Simd::fma(Simd::all(0.5f), d[5], Simd::fma(Simd::all(-2.5f), d[3], Simd::add(d[1], d[1]))));
    } else {
      t[7] = Simd::fma(Simd::all(5.25f), Simd::sub(d[3], d[5]), Simd::sub(d[7], d[1]));
    }
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

/// Rows of V = B^T d B, those of one group of points. `load(i, j)` is a pixel's vector of channels. The
/// pixels are loaded for each group anew: with all rows of B^T d at once registers would not suffice.
template <typename Simd, int m, int kGroup, typename Load>
inline void winograd_input_rows(float* transformed, std::int64_t point_pitch, Load load) noexcept {
  using Vector = typename Simd::Vector;
  using Matrix = WinogradMatrix<Simd, m>;
  constexpr int kSide = m + 2;
  constexpr int kFirst = kGroup == 0 ? 0 : 2 * kGroup - 1;
  constexpr int kRows = kGroup == 0 || kFirst + 1 == kSide ? 1 : 2;
  Vector rows[kRows][kSide];
#pragma GCC unroll 8
  for (int j = 0; j < kSide; ++j) {
    Vector column[kSide];
    Vector across[kSide];
#pragma GCC unroll 8
    for (int i = 0; i < kSide; ++i) column[i] = load(i, j);  // those not needed are not loaded
    Matrix::template input<kGroup>(column, across);
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) rows[r][j] = across[kFirst + r];
  }
  float* target = transformed + std::int64_t{kFirst} * kSide * point_pitch;
#pragma GCC unroll 2
  for (int r = 0; r < kRows; ++r) {
    Vector t[kSide];
    [&]<int... kGroups>(std::integer_sequence<int, kGroups...>) {
      (Matrix::template input<kGroups>(rows[r], t), ...);
    }
    (std::make_integer_sequence<int, Matrix::kGroups>());
#pragma GCC unroll 8
    for (int j = 0; j < kSide; ++j, target += point_pitch) Simd::store(target, t[j]);
  }
}

/// V = B^T d B for one patch and one vector of channels.
template <typename Simd, int m, typename Load>
inline void winograd_input_channels(float* transformed, std::int64_t point_pitch, Load load) noexcept {
  [&]<int... kGroups>(std::integer_sequence<int, kGroups...>) {
    (winograd_input_rows<Simd, m, kGroups>(transformed, point_pitch, load), ...);
  }
  (std::make_integer_sequence<int, WinogradMatrix<Simd, m>::kGroups>());
}

template <typename Simd, int m>
void winograd_input(const WinogradPatch& patch) noexcept {
  constexpr int kSide = m + 2;
  float* target = patch.transformed;
  const bool whole = patch.top == 0 && patch.left == 0 && patch.bottom == kSide && patch.right == kSide;
  std::int64_t c = 0;
  if (whole) {
    const float* input = patch.input;
    for (; c + Simd::kLanes <= patch.channels; c += Simd::kLanes, input += Simd::kLanes) {
      const auto load = [&](int i, int j) {
        return Simd::load(input + i * patch.row_pitch + j * patch.pixel_pitch);
      };
      winograd_input_channels<Simd, m>(target, patch.point_pitch, load);
      target += patch.vector_pitch;
    }
    if (c == patch.channels) return;
  }
  const float* at[kSide][kSide];
  for (int i = 0; i < kSide; ++i) {
    for (int j = 0; j < kSide; ++j) {
      const bool inside = i >= patch.top && i < patch.bottom && j >= patch.left && j < patch.right;
      at[i][j] = inside ? patch.input + i * patch.row_pitch + j * patch.pixel_pitch : patch.zeros;
    }
  }
  for (; c + Simd::kLanes <= patch.channels; c += Simd::kLanes, target += patch.vector_pitch)
    winograd_input_channels<Simd, m>(target, patch.point_pitch,
                                     [&](int i, int j) { return Simd::load(at[i][j] + c); });
  if (c == patch.channels) return;
  const auto mask = Simd::mask(static_cast<std::size_t>(patch.channels - c));
  winograd_input_channels<Simd, m>(target, patch.point_pitch,
                                   [&](int i, int j) { return Simd::load(at[i][j] + c, mask); });
}

/// The bounds of what follows a convolution, in all lanes.
template <typename Simd>
struct WinogradBounds {
  typename Simd::Vector low, high, last_low, last_high;

  explicit WinogradBounds(const WinogradResult& result) noexcept
      : low(Simd::all(result.clamp.low)),
        high(Simd::all(result.clamp.high)),
        last_low(Simd::all(result.after_added.low)),
        last_high(Simd::all(result.after_added.high)) {}
};

/// y = A^T M A for one patch and one vector of channels, and what follows a convolution. `kWhole`: all
/// results lie inside of the image.
template <typename Simd, int m, bool kTail, bool kWhole>
inline void winograd_output_channels(const WinogradResult& result, const WinogradBounds<Simd>& bounds,
                                     std::int64_t c, typename Simd::Mask mask) noexcept {
  using Vector = typename Simd::Vector;
  constexpr int kSide = m + 2;
  Vector rows[m][kSide];  // A^T M
  const std::int64_t point_pitch = result.point_pitch;
  const float* from = result.products + c / Simd::kLanes * result.vector_pitch;
#pragma GCC unroll 8
  for (int j = 0; j < kSide; ++j) {
    Vector column[kSide];
    Vector transformed[m];
#pragma GCC unroll 8
    for (int i = 0; i < kSide; ++i) column[i] = Simd::load(from + (i * kSide + j) * point_pitch);
    WinogradMatrix<Simd, m>::output(column, transformed);
#pragma GCC unroll 6
    for (int i = 0; i < m; ++i) rows[i][j] = transformed[i];
  }
  float* output = result.output + c;
  const float* residual = result.residual != nullptr ? result.residual + c : nullptr;
#pragma GCC unroll 6
  for (int i = 0; i < m; ++i, output += result.row_pitch) {
    if (!kWhole && i >= result.rows) break;
    Vector y[m];
    WinogradMatrix<Simd, m>::output(rows[i], y);
#pragma GCC unroll 6
    for (int j = 0; j < m; ++j) y[j] = Simd::clamp(y[j], bounds.low, bounds.high);
    if (residual != nullptr) {
#pragma GCC unroll 6
      for (int j = 0; j < m; ++j) {
        if (!kWhole && j >= result.columns) break;
        const Vector other = load_lanes<Simd, kTail>(residual + j * result.residual_pixel_pitch, mask);
        y[j] = Simd::clamp(Simd::add(y[j], other), bounds.last_low, bounds.last_high);
      }
      residual += result.residual_row_pitch;
    }
#pragma GCC unroll 6
    for (int j = 0; j < m; ++j) {
      if (!kWhole && j >= result.columns) break;
      store_lanes<Simd, kTail>(output + j * result.pixel_pitch, y[j], mask);
    }
  }
}

template <typename Simd, int m>
void winograd_output(const WinogradResult& result) noexcept {
  const bool whole = result.rows == m && result.columns == m;
  const auto all = Simd::mask(Simd::kLanes);
  const WinogradBounds<Simd> bounds(result);
  std::int64_t c = 0;
  for (; c + Simd::kLanes <= result.channels; c += Simd::kLanes) {
    if (whole)
      winograd_output_channels<Simd, m, false, true>(result, bounds, c, all);
    else
      winograd_output_channels<Simd, m, false, false>(result, bounds, c, all);
  }
  if (c < result.channels)
    winograd_output_channels<Simd, m, true, false>(result, bounds, c,
                                                   Simd::mask(static_cast<std::size_t>(result.channels - c)));
}

}  // namespace fettle::kernels
