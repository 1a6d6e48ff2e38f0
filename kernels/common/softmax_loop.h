// SPDX-License-Identifier: Apache-2.0
//
// Softmax of rows in three passes: the largest number, the powers and their sum, the division; of many rows
// at a time where they are short. Included by the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/elementwise_math.h"
#include "kernels/common/softmax.h"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace fettle::kernels {

/// The largest of what `next(i, mask...)` gives for each vector of a row from element i on. What is not a
/// number may be passed over: it comes back as a power.
template <typename Simd, typename Next>
inline float largest_of_row(std::int64_t length, Next&& next) noexcept {
  constexpr std::int64_t kTogether = 4;  // hide the comparison's latency
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  typename Simd::Vector most[kTogether];
  for (auto& one : most) one = Simd::all(kLeast);
  std::int64_t i = 0;
  for (; i + kTogether * Simd::kLanes <= length; i += kTogether * Simd::kLanes) {
    for (std::int64_t s = 0; s < kTogether; ++s) most[s] = Simd::larger(next(i + s * Simd::kLanes), most[s]);
  }
  for (; i + Simd::kLanes <= length; i += Simd::kLanes) most[0] = Simd::larger(next(i), most[0]);
  float each[Simd::kLanes];
  float largest = kLeast;
  if (i < length) {
    Simd::store(each, next(i, Simd::mask(static_cast<std::size_t>(length - i))));
    for (std::int64_t lane = 0; lane < length - i; ++lane)
      largest = each[lane] > largest ? each[lane] : largest;
  }
  Simd::store(each, Simd::larger(Simd::larger(most[0], most[1]), Simd::larger(most[2], most[3])));
  for (const float one : each) largest = one > largest ? one : largest;
  return largest;
}

/// Stores exp(x - largest) and returns the sum.
template <typename Simd>
inline float powers_of_row(const float* x, float* y, std::int64_t length, float largest) noexcept {
  const auto shift = Simd::all(largest);
  auto lanes = Simd::all(0);
  std::int64_t i = 0;
  for (; i + Simd::kLanes <= length; i += Simd::kLanes) {
    const auto power = exp<Simd>(Simd::sub(Simd::load(x + i), shift));
    Simd::store(y + i, power);
    lanes = Simd::add(lanes, power);
  }
  float each[Simd::kLanes];
  Simd::store(each, lanes);
  float sum = 0;
  for (const float one : each) sum += one;
  if (i < length) {
    const auto mask = Simd::mask(static_cast<std::size_t>(length - i));
    Simd::store(y + i, exp<Simd>(Simd::sub(Simd::load(x + i, mask), shift)), mask);
    for (; i < length; ++i) sum += y[i];
  }
  return sum;
}

template <typename Simd>
inline void scale_row(float* y, std::int64_t length, float factor) noexcept {
  const auto factors = Simd::all(factor);
  std::int64_t i = 0;
  for (; i + Simd::kLanes <= length; i += Simd::kLanes)
    Simd::store(y + i, Simd::mul(Simd::load(y + i), factors));
  if (i == length) return;
  const auto mask = Simd::mask(static_cast<std::size_t>(length - i));
  Simd::store(y + i, Simd::mul(Simd::load(y + i, mask), factors), mask);
}

/// Rows shorter than a vector: only the powers are computed by vectors, which many rows share.
template <typename Simd>
inline void softmax_short_rows(const SoftmaxRows& rows) noexcept {
  constexpr std::int64_t kNumbersTogether = 1024;  // stay in L1
  const std::int64_t length = rows.length;
  const std::int64_t most = kNumbersTogether / length;
  const float* x = rows.x;
  float* y = rows.y;
  for (std::int64_t left = rows.rows; left > 0;) {
    const std::int64_t together = left < most ? left : most;
    const std::int64_t count = together * length;
    for (std::int64_t row = 0; row < count; row += length) {
      float largest = x[row];
      for (std::int64_t i = 1; i < length; ++i) largest = x[row + i] > largest ? x[row + i] : largest;
      for (std::int64_t i = 0; i < length; ++i) y[row + i] = x[row + i] - largest;
    }
    std::int64_t at = 0;
    for (; at + Simd::kLanes <= count; at += Simd::kLanes) Simd::store(y + at, exp<Simd>(Simd::load(y + at)));
    if (at < count) {
      const auto mask = Simd::mask(static_cast<std::size_t>(count - at));
      Simd::store(y + at, exp<Simd>(Simd::load(y + at, mask)), mask);
    }
    for (std::int64_t row = 0; row < count; row += length) {
      float sum = 0;
      for (std::int64_t i = 0; i < length; ++i) sum += y[row + i];
      const float factor = 1 / sum;
      for (std::int64_t i = 0; i < length; ++i) y[row + i] *= factor;
    }
    x += count;
    y += count;
    left -= together;
  }
}

template <typename Simd>
void softmax_rows(const SoftmaxRows& rows) noexcept {
  if (rows.length < Simd::kLanes) {
    softmax_short_rows<Simd>(rows);
    return;
  }
  const float* x = rows.x;
  float* y = rows.y;
  for (std::int64_t row = 0; row < rows.rows; ++row, x += rows.length, y += rows.length) {
    const float largest = largest_of_row<Simd>(
        rows.length, [x](std::int64_t i, auto... mask) { return Simd::load(x + i, mask...); });
    const float sum = powers_of_row<Simd>(x, y, rows.length, largest);
    scale_row<Simd>(y, rows.length, 1 / sum);
  }
}

}  // namespace fettle::kernels
