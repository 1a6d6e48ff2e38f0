// SPDX-License-Identifier: Apache-2.0
//
// The distribution of an activation over calibration data, in one pass: a histogram whose range doubles when
// a number lies outside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::tuner {

class Histogram {
 public:
  static constexpr std::size_t kBins = 4096;  ///< over -range to range

  void add(float value);

  bool empty() const { return count_ == 0; }
  double count() const { return static_cast<double>(count_); }
  float low() const { return low_; }    ///< the least number seen; 0 for none
  float high() const { return high_; }  ///< the largest
  std::size_t not_finite() const { return not_finite_; }
  std::span<const std::uint64_t> bins() const { return bins_; }
  double width() const { return 2 * range_ / static_cast<double>(kBins); }
  /// The middle of a bin.
  double centre(std::size_t bin) const { return (static_cast<double>(bin) + 0.5) * width() - range_; }
  /// The number that `share` of all are below, to a bin's width.
  double quantile(double share) const;
  /// Takes what another one has seen.
  void merge(const Histogram& other);

 private:
  void widen();
  void count_in(double value, std::uint64_t times);

  std::array<std::uint64_t, kBins> bins_{};
  double range_ = 0;  // 0: nothing but zeros so far
  std::uint64_t count_ = 0;
  std::size_t not_finite_ = 0;
  float low_ = 0;
  float high_ = 0;
};

}  // namespace fettle::tuner
