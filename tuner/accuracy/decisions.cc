// SPDX-License-Identifier: Apache-2.0
#include "tuner/accuracy/decisions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fettle::tuner {

ScoreRows::ScoreRows(const Shape& shape) {
  // Trailing extents of 1 are what a global pool leaves.
  int rank = shape.rank();
  while (rank > 1 && shape[rank - 1] == 1) --rank;
  const int axis = rank >= 4 ? 1 : std::max(rank - 1, 0);
  const auto extent = [&](int i) { return i < shape.rank() ? static_cast<std::size_t>(shape[i]) : 1; };
  classes = extent(axis);
  for (int i = axis + 1; i < rank; ++i) stride *= extent(i);
  inner = stride;
  rows = stride;
  for (int i = 0; i < axis; ++i) rows *= extent(i);
}

std::size_t decision(std::span<const float> scores) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    if (scores[i] > scores[best] || (std::isnan(scores[best]) && !std::isnan(scores[i]))) best = i;
  }
  return best;
}

bool distribution(std::span<const float> scores, std::vector<double>& probabilities) {
  probabilities.assign(scores.begin(), scores.end());
  double sum = 0;
  bool within = true;
  for (const double score : probabilities) {
    if (!std::isfinite(score)) return false;
    within = within && score >= 0 && score <= 1;
    sum += score;
  }
  if (within && std::abs(sum - 1) < 0.02) return true;
  const double largest = *std::ranges::max_element(probabilities);
  for (double& score : probabilities) score = std::exp(score - largest);
  sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& score : probabilities) score /= sum;
  return true;
}

double divergence(std::span<const double> from, std::span<const double> to) {
  constexpr double kLeast = 1e-9;
  double sum = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double p = std::max(from[i], kLeast);
    sum += p * std::log(p / std::max(to[i], kLeast));
  }
  return sum;
}

}  // namespace fettle::tuner
