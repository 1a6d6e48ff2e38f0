// SPDX-License-Identifier: Apache-2.0
//
// Robust statistics of repeated timings: medians, distribution-free confidence intervals, paired ratios.
#pragma once

#include <fettle/plan.h>

#include <cstddef>
#include <span>
#include <vector>

namespace fettle::tuner {

/// The median; the mean of the middle two for an even number; 0 for none.
double median(std::span<const double> samples);

/// The sample that a quarter of them are below, rounded down; 0 for none.
double lower_quartile(std::span<const double> samples);

/// Median with the order-statistic 95 % confidence interval of the median (no assumption on the
/// distribution). With fewer than six samples no such interval exists and the bounds are the smallest and the
/// largest sample.
PlanLatency median_interval(std::span<const double> samples);

/// Whether `median_interval` has 95 % confidence for that many samples.
constexpr bool interval_is_confident(std::size_t samples) { return samples >= 6; }

/// Median absolute deviation, scaled to estimate a normal standard deviation.
double mad(std::span<const double> samples);

/// Positions of samples further than `limit` scaled MADs from the median: for looking at, never for leaving
/// out silently.
std::vector<std::size_t> outliers(std::span<const double> samples, double limit = 5.0);

/// Two-sided p value of the sign test: how likely it is that a fair coin shows `below` or fewer, or as many
/// or more, of n.
double sign_test(std::size_t below, std::size_t n);

/// Round by round `a[i] / b[i]`: what is left when the machine's drift hits both alike.
struct RatioStatistics {
  PlanLatency ratio;  ///< median with its interval
  std::size_t rounds = 0;
  std::size_t wins = 0;  ///< rounds with a < b
  double p_value = 1;    ///< sign test, ties left out

  /// a is faster than b beyond the noise: the interval's upper end is below 1 with 95 % confidence and the
  /// sign test agrees.
  bool beats() const noexcept { return interval_is_confident(rounds) && ratio.high < 1.0 && p_value < 0.05; }
};
/// Rounds beyond the shorter of the two are ignored, as are rounds with a time that is not above 0.
RatioStatistics paired_ratio(std::span<const double> a, std::span<const double> b);

}  // namespace fettle::tuner
