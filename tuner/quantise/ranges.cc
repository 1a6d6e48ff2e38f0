// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace fettle::tuner {
namespace {

constexpr int kLevels = 256;
constexpr double kOutside = 1e-4;  // share cut off at each end by `percentile`
constexpr double kLeastCut = 0.2;  // of a range, that cutting leaves
constexpr int kCuts = 24;

double cut(int step) { return 1 - (1 - kLeastCut) * static_cast<double>(step) / kCuts; }

// What the numbers look like in 8 bits over low..high: each level's mass spread over its bins that are not
// empty.
double divergence(const Histogram& histogram, double low, double high) {
  const auto bins = histogram.bins();
  const double step = (high - low) / (kLevels - 1);
  std::vector<double> clipped(bins.size(), 0);
  const auto bin_of = [&](double value) {
    const double half = histogram.width() * static_cast<double>(bins.size()) / 2;
    const double at = (value + half) / histogram.width();
    return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(bins.size() - 1)));
  };
  const std::size_t first = bin_of(low);
  const std::size_t last = std::max(bin_of(high), first);
  for (std::size_t i = 0; i < bins.size(); ++i)
    clipped[std::clamp(i, first, last)] += static_cast<double>(bins[i]);
  std::vector<double> mass(kLevels, 0);
  std::vector<double> filled(kLevels, 0);
  const auto level_of = [&](std::size_t bin) {
    return static_cast<std::size_t>(
        std::clamp(std::nearbyint((histogram.centre(bin) - low) / step), 0.0, kLevels - 1.0));
  };
  for (std::size_t i = first; i <= last; ++i) {
    if (clipped[i] == 0) continue;
    // Without what was cut off: that is what the comparison is to notice.
    mass[level_of(i)] += static_cast<double>(bins[i]);
    filled[level_of(i)] += 1;
  }
  double sum = 0;
  double kept = 0;
  for (std::size_t i = first; i <= last; ++i) kept += static_cast<double>(bins[i]);
  for (std::size_t i = first; i <= last; ++i) {
    if (clipped[i] == 0) continue;
    const double p = clipped[i] / histogram.count();
    const double q = mass[level_of(i)] / filled[level_of(i)] / std::max(kept, 1.0);
    sum += p * std::log(p / std::max(q, 1e-12));
  }
  return sum;
}

}  // namespace

ValueQuantisation quantisation_of(double low, double high, DataType type) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  const int least = type == DataType::s8 ? -128 : 0;
  ValueQuantisation form;
  form.type = type;
  const double step = (high - low) / (kLevels - 1);
  // Nothing but zeros, or numbers too small for a scale: any will do.
  form.scale =
      step > static_cast<double>(std::numeric_limits<float>::min()) ? static_cast<float>(step) : 1.0f;
  form.zero_point = least + static_cast<int>(std::clamp(
                                std::nearbyint(-low / static_cast<double>(form.scale)), 0.0, 255.0));
  return form;
}

double squared_error(const Histogram& histogram, const ValueQuantisation& form) {
  const int least = form.type == DataType::s8 ? -128 : 0;
  const auto scale = static_cast<double>(form.scale);
  double sum = 0;
  for (std::size_t i = 0; i < histogram.bins().size(); ++i) {
    if (histogram.bins()[i] == 0) continue;
    const double value = histogram.centre(i);
    const double stored = std::clamp(std::nearbyint(value / scale) + form.zero_point,
                                     static_cast<double>(least), static_cast<double>(least + kLevels - 1));
    const double error = value - scale * (stored - form.zero_point);
    sum += static_cast<double>(histogram.bins()[i]) * error * error;
  }
  return sum / std::max(1.0, histogram.count());
}

ValueQuantisation calibrate(const Histogram& histogram, RangeMethod method, DataType type) {
  const auto low = static_cast<double>(histogram.low());
  const auto high = static_cast<double>(histogram.high());
  const ValueQuantisation all = quantisation_of(low, high, type);
  if (histogram.empty() || low == high) return all;
  ValueQuantisation best = all;
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](double error, const ValueQuantisation& form) {
    if (error < least) {
      least = error;
      best = form;
    }
  };
  switch (method) {
    case RangeMethod::percentile:
      return quantisation_of(histogram.quantile(kOutside), histogram.quantile(1 - kOutside), type);
    case RangeMethod::mse:
      for (int below = 0; below <= (low < 0 ? kCuts : 0); ++below) {
        for (int above = 0; above <= (high > 0 ? kCuts : 0); ++above) {
          const ValueQuantisation form = quantisation_of(low * cut(below), high * cut(above), type);
          consider(squared_error(histogram, form), form);
        }
      }
      return best;
    case RangeMethod::kl:
      for (int step = 0; step <= kCuts; ++step) {
        const double from = std::min(0.0, low * cut(step));
        const double to = std::max(0.0, high * cut(step));
        consider(divergence(histogram, from, to), quantisation_of(from, to, type));
      }
      return best;
    case RangeMethod::automatic:
    case RangeMethod::min_max:
      break;
  }
  return all;
}

}  // namespace fettle::tuner
