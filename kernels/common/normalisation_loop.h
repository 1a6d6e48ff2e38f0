// SPDX-License-Identifier: Apache-2.0
//
// Normalised rows in three passes: the mean, the variance about it, the result. Sums of some hundred elements
// are taken in f32 and added in double: as fast, and exact enough for any row. Included by the files of
// instruction sets alone, as tile_loop.h is.
#pragma once

#include "kernels/common/normalisation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// The sum of value(x) over a row; lanes beyond its end count as `nothing`, of which the value has to be 0.
template <typename Simd, typename Value>
inline double sum_of_row(const float* x, std::int64_t length, float nothing, Value&& value) noexcept {
  constexpr std::int64_t kTogether = 4;  // sums side by side hide the addition's latency
  constexpr std::int64_t kChunk = 512;
  double total = 0;
  for (std::int64_t begin = 0; begin < length; begin += kChunk) {
    const std::int64_t end = std::min(length, begin + kChunk);
    typename Simd::Vector sums[kTogether];
    for (auto& sum : sums) sum = Simd::all(0);
    std::int64_t i = begin;
    for (; i + kTogether * Simd::kLanes <= end; i += kTogether * Simd::kLanes) {
      for (std::int64_t s = 0; s < kTogether; ++s)
        sums[s] = value(Simd::load(x + i + s * Simd::kLanes), sums[s]);
    }
    for (; i + Simd::kLanes <= end; i += Simd::kLanes) sums[0] = value(Simd::load(x + i), sums[0]);
    float lanes[Simd::kLanes];
    if (i < end) {
      std::fill(std::copy(x + i, x + end, lanes), lanes + Simd::kLanes, nothing);
      sums[1] = value(Simd::load(lanes), sums[1]);
    }
    Simd::store(lanes, Simd::add(Simd::add(sums[0], sums[1]), Simd::add(sums[2], sums[3])));
    for (int half = Simd::kLanes / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    }
    total += static_cast<double>(lanes[0]);
  }
  return total;
}

struct Moments {
  float mean;
  float inverse;  ///< of the standard deviation
};

template <typename Simd, bool kCentres>
inline Moments moments_of_row(const float* x, std::int64_t length, float epsilon) noexcept {
  const auto n = static_cast<double>(length);
  float mean = 0;
  if constexpr (kCentres) {
    const auto plain = [](auto v, auto sum) { return Simd::add(sum, v); };
    mean = static_cast<float>(sum_of_row<Simd>(x, length, 0, plain) / n);
  }
  const auto centre = Simd::all(mean);
  const auto square = [&](auto v, auto sum) {
    const auto distance = kCentres ? Simd::sub(v, centre) : v;
    return Simd::fma(distance, distance, sum);
  };
  const double variance = sum_of_row<Simd>(x, length, mean, square) / n;
  return {mean, static_cast<float>(1 / std::sqrt(variance + static_cast<double>(epsilon)))};
}

/// y = result(x, at) for each vector of a row; `at` is where it begins, `mask` what there is of it.
template <typename Simd, typename Result>
inline void write_row(const float* x, float* y, std::int64_t length, Result&& result) noexcept {
  std::int64_t i = 0;
  for (; i + Simd::kLanes <= length; i += Simd::kLanes)
    Simd::store(y + i, result(Simd::load(x + i), [i](const float* p) { return Simd::load(p + i); }));
  if (i == length) return;
  const auto mask = Simd::mask(static_cast<std::size_t>(length - i));
  Simd::store(y + i, result(Simd::load(x + i, mask), [&](const float* p) { return Simd::load(p + i, mask); }),
              mask);
}

template <typename Simd, bool kCentres>
void normalise_rows(const NormRows& rows) noexcept {
  const float* x = rows.x;
  float* y = rows.y;
  for (std::int64_t row = 0; row < rows.rows; ++row, x += rows.length, y += rows.length) {
    const Moments m = moments_of_row<Simd, kCentres>(x, rows.length, rows.epsilon);
    const auto mean = Simd::all(m.mean);
    const auto inverse = Simd::all(m.inverse);
    const auto normal = [&](auto v) { return Simd::mul(kCentres ? Simd::sub(v, mean) : v, inverse); };
    if (rows.bias != nullptr) {
      write_row<Simd>(x, y, rows.length,
                      [&](auto v, auto&& at) { return Simd::fma(normal(v), at(rows.scale), at(rows.bias)); });
    } else {
      write_row<Simd>(x, y, rows.length,
                      [&](auto v, auto&& at) { return Simd::mul(normal(v), at(rows.scale)); });
    }
    if (rows.means != nullptr) rows.means[row] = m.mean;
    if (rows.inverses != nullptr) rows.inverses[row] = m.inverse;
  }
}

template <typename Simd>
void normalise_planes(const NormPlanes& planes) noexcept {
  const float* x = planes.x;
  float* y = planes.y;
  for (std::int64_t plane = 0; plane < planes.planes; ++plane, x += planes.length, y += planes.length) {
    const Moments m = moments_of_row<Simd, true>(x, planes.length, planes.epsilon);
    const auto mean = Simd::all(m.mean);
    const auto scale = Simd::all(m.inverse * planes.scale[plane]);
    const auto bias = Simd::all(planes.bias[plane]);
    write_row<Simd>(x, y, planes.length,
                    [&](auto v, auto&&) { return Simd::fma(Simd::sub(v, mean), scale, bias); });
  }
}

template <typename Simd>
constexpr NormSet norm_set() noexcept {
  return {normalise_rows<Simd, true>, normalise_rows<Simd, false>, normalise_planes<Simd>};
}

}  // namespace fettle::kernels
