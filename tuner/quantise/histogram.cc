// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/histogram.h"

#include <algorithm>
#include <cmath>

namespace fettle::tuner {

void Histogram::add(float value) {
  if (!std::isfinite(value)) {
    ++not_finite_;
    return;
  }
  low_ = count_ == 0 ? value : std::min(low_, value);
  high_ = count_ == 0 ? value : std::max(high_, value);
  count_in(static_cast<double>(value), 1);
}

void Histogram::count_in(double value, std::uint64_t times) {
  count_ += times;
  const double size = std::abs(value);
  if (range_ == 0) {
    if (size == 0) {
      bins_[kBins / 2] += times;
      return;
    }
    range_ = std::exp2(std::ceil(std::log2(size)) + 1);
  }
  while (size >= range_) widen();
  const auto bin = static_cast<std::size_t>((value + range_) / width());
  bins_[std::min(bin, kBins - 1)] += times;
}

void Histogram::widen() {
  std::array<std::uint64_t, kBins> wider{};
  for (std::size_t i = 0; i < kBins; ++i) wider[kBins / 4 + i / 2] += bins_[i];
  bins_ = wider;
  range_ *= 2;
}

double Histogram::quantile(double share) const {
  const double wanted = share * count();
  double below = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    below += static_cast<double>(bins_[i]);
    if (below >= wanted) return std::clamp(centre(i), static_cast<double>(low_), static_cast<double>(high_));
  }
  return static_cast<double>(high_);
}

void Histogram::merge(const Histogram& other) {
  not_finite_ += other.not_finite_;
  if (other.empty()) return;
  low_ = empty() ? other.low_ : std::min(low_, other.low_);
  high_ = empty() ? other.high_ : std::max(high_, other.high_);
  for (std::size_t i = 0; i < kBins; ++i) {
    if (other.bins_[i] > 0) count_in(other.range_ == 0 ? 0 : other.centre(i), other.bins_[i]);
  }
}

}  // namespace fettle::tuner
