// SPDX-License-Identifier: Apache-2.0
//
// Softmax of rows in three passes: the largest number, the powers and their sum, the division. Included by
// the files of instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/elementwise_math.h"
#include "kernels/common/softmax.h"

#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// What is not a number may be passed over: it comes back as a power.
template <typename Simd>
inline float largest_of_row(const float* x, std::int64_t length) noexcept {
  float largest = x[0];
  std::int64_t i = 0;
  if (length >= Simd::kLanes) {
    auto lanes = Simd::load(x);
    for (; i + Simd::kLanes <= length; i += Simd::kLanes) lanes = Simd::max(Simd::load(x + i), lanes);
    float each[Simd::kLanes];
    Simd::store(each, lanes);
    for (const float one : each) largest = one > largest ? one : largest;
  }
  for (; i < length; ++i) largest = x[i] > largest ? x[i] : largest;
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

template <typename Simd>
void softmax_rows(const SoftmaxRows& rows) noexcept {
  const float* x = rows.x;
  float* y = rows.y;
  for (std::int64_t row = 0; row < rows.rows; ++row, x += rows.length, y += rows.length) {
    const float sum = powers_of_row<Simd>(x, y, rows.length, largest_of_row<Simd>(x, rows.length));
    scale_row<Simd>(y, rows.length, 1 / sum);
  }
}

}  // namespace fettle::kernels
