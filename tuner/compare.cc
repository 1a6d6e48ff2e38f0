// SPDX-License-Identifier: Apache-2.0
#include "tuner/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::tuner {
namespace {

constexpr double kRoundUs = 3000;
constexpr int kFewestPasses = 3;  // behind a warm-up: its cost should bring more than one time
constexpr int kMostPasses = 16;

// Median of a few passes, in microseconds; negative when a pass fails.
double timed(Subject& subject, double& pass_us, const Limits& limits, int& passes) {
  const auto once = [&] {
    const Result<double> us = subject.run(nullptr);
    ++passes;
    limits.tell();
    return us ? *us : -1.0;
  };
  const bool warms_up = pass_us < kWarmUpUs;
  if (warms_up) {
    pass_us = once();
    if (pass_us < 0) return -1;
  }
  const int repeats = std::clamp(static_cast<int>(kRoundUs / std::max(pass_us, 1.0)),
                                 warms_up && pass_us < kWarmUpUs ? kFewestPasses : 1, kMostPasses);
  std::vector<double> samples;
  for (int i = 0; i < repeats; ++i) {
    samples.push_back(once());
    if (samples.back() < 0) return -1;
  }
  pass_us = median(samples);
  return pass_us;
}

}  // namespace

Comparison compare(std::span<Subject* const> subjects, const Limits& limits, double until_s, int most_rounds,
                   int& passes) {
  Comparison result;
  result.us.resize(subjects.size());
  std::vector<double> pass_us(subjects.size(), 0.0);
  double longest_round = 0;
  for (; result.rounds < most_rounds; ++result.rounds) {
    const double start = limits.device->now_s();
    // A round that would not end in time is not begun.
    if (limits.over(until_s) || start + longest_round > until_s) break;
    std::vector<double> round(subjects.size(), 0.0);
    for (std::size_t k = 0; k < subjects.size(); ++k) {
      const std::size_t s = (k + static_cast<std::size_t>(result.rounds)) % subjects.size();
      round[s] = timed(*subjects[s], pass_us[s], limits, passes);
      if (round[s] < 0) return result;
    }
    for (std::size_t s = 0; s < subjects.size(); ++s) result.us[s].push_back(round[s]);
    longest_round = std::max(longest_round, limits.device->now_s() - start);
  }
  return result;
}

double output_difference(const std::vector<std::vector<float>>& expected,
                         const std::vector<std::vector<float>>& actual) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (expected.size() != actual.size()) return kInfinite;
  double worst = 0;
  for (std::size_t o = 0; o < expected.size(); ++o) {
    if (expected[o].size() != actual[o].size()) return kInfinite;
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < expected[o].size(); ++i) {
      const double e = expected[o][i];
      const double a = actual[o][i];
      if (!std::isfinite(e) || !std::isfinite(a)) {
        if (std::isfinite(e) != std::isfinite(a) || std::isnan(e) != std::isnan(a)) return kInfinite;
        continue;
      }
      largest = std::max(largest, std::abs(e));
      difference = std::max(difference, std::abs(e - a));
    }
    if (difference > 0) worst = std::max(worst, largest > 0 ? difference / largest : kInfinite);
  }
  return worst;
}

}  // namespace fettle::tuner
