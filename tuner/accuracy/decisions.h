// SPDX-License-Identifier: Apache-2.0
//
// Scores of classes, wherever an output has them: rows of scores, each with a decision.
#pragma once

#include <fettle/types.h>

#include <cstddef>
#include <span>
#include <vector>

namespace fettle::tuner {

/// How an output's elements are rows of scores.
struct ScoreRows {
  std::size_t rows = 0;
  std::size_t classes = 0;
  std::size_t stride = 1;  ///< between the scores of a row
  std::size_t inner = 1;   ///< rows that lie within one stride of each other

  explicit ScoreRows(const Shape& shape);
  std::size_t start(std::size_t row) const { return row / inner * inner * classes + row % inner; }
};

/// The index of the largest; of equal ones the first, NaN last.
std::size_t decision(std::span<const float> scores);
/// The scores as a distribution: as they are where they are one, else through softmax. False: a score is not
/// finite.
bool distribution(std::span<const float> scores, std::vector<double>& probabilities);
/// Of two distributions, in nats. Probabilities below 1e-9 count as that.
double divergence(std::span<const double> from, std::span<const double> to);

}  // namespace fettle::tuner
