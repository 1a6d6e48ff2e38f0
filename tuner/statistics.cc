// SPDX-License-Identifier: Apache-2.0
#include "tuner/statistics.h"

#include <algorithm>
#include <cmath>

namespace fettle::tuner {
namespace {

std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> values(samples.begin(), samples.end());
  std::sort(values.begin(), values.end());
  return values;
}

double middle(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// P(X <= k) for X binomial with n trials at 1/2, by logarithms so that large n do not underflow.
double binomial_tail(std::size_t k, std::size_t n) {
  const double log_all = static_cast<double>(n) * std::log(2.0);
  double sum = 0;
  for (std::size_t i = 0; i <= k; ++i) {
    const double choose = std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(i) + 1) -
                          std::lgamma(static_cast<double>(n - i) + 1);
    sum += std::exp(choose - log_all);
  }
  return std::min(1.0, sum);
}

// How many samples lie outside the interval on each side.
std::size_t interval_offset(std::size_t n) {
  if (!interval_is_confident(n)) return 0;
  std::size_t outside = 0;
  while (2 * (outside + 2) <= n && 2 * binomial_tail(outside + 1, n) <= 0.05) ++outside;
  return outside;
}

}  // namespace

double median(std::span<const double> samples) { return middle(sorted(samples)); }

double lower_quartile(std::span<const double> samples) {
  const std::vector<double> values = sorted(samples);
  return values.empty() ? 0 : values[values.size() / 4];
}

PlanLatency median_interval(std::span<const double> samples) {
  if (samples.empty()) return {};
  const std::vector<double> values = sorted(samples);
  const std::size_t outside = interval_offset(values.size());
  return {middle(values), values[outside], values[values.size() - 1 - outside]};
}

double mad(std::span<const double> samples) {
  const double center = median(samples);
  std::vector<double> distances;
  distances.reserve(samples.size());
  for (double sample : samples) distances.push_back(std::abs(sample - center));
  return 1.4826 * median(distances);
}

std::vector<std::size_t> outliers(std::span<const double> samples, double limit) {
  const double center = median(samples);
  const double spread = mad(samples);
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (std::abs(samples[i] - center) > limit * spread) positions.push_back(i);
  }
  return positions;
}

double sign_test(std::size_t below, std::size_t n) {
  if (n == 0) return 1;
  return std::min(1.0, 2 * binomial_tail(std::min(below, n - below), n));
}

RatioStatistics paired_ratio(std::span<const double> a, std::span<const double> b) {
  std::vector<double> ratios;
  std::size_t losses = 0;
  RatioStatistics result;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!(a[i] > 0) || !(b[i] > 0)) continue;
    ratios.push_back(a[i] / b[i]);
    if (a[i] < b[i]) ++result.wins;
    if (a[i] > b[i]) ++losses;
  }
  result.rounds = ratios.size();
  result.ratio = median_interval(ratios);
  result.p_value = sign_test(result.wins, result.wins + losses);
  return result;
}

}  // namespace fettle::tuner
