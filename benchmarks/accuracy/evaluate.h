// SPDX-License-Identifier: Apache-2.0
//
// How often two runtimes give a network's right answer, and how far their outputs are apart.
#pragma once

#include "benchmarks/accuracy/samples.h"

#include <string>
#include <vector>

namespace fettle::benchmarks {

/// The most that top-1 accuracy may differ between the runtimes, in percentage points.
inline constexpr double kTop1Bound = 0.5;

/// Right answers, in per cent.
struct Score {
  double top1 = 0;
  double top5 = 0;
};

struct Figures {
  std::string network;   ///< the file's stem
  std::string pictures;  ///< likewise
  std::size_t count = 0;
  std::size_t classes = 0;
  Score fettle, rival;
  double same = 0;        ///< pictures for which both give the same answer, in per cent
  std::size_t ties = 0;   ///< pictures with several greatest outputs in ONNX Runtime
  double difference = 0;  ///< the greatest of an output, relative to the picture's largest output
  std::optional<double> top1_given;

  bool within_bound() const;
};

/// Runs Fettle's default and ONNX Runtime, one thread each, on all pictures of an entry. Of equal outputs the
/// first one is the answer.
Result<Figures> evaluate(const LabelledNetwork& entry, const std::string& rival_library);

/// A Markdown table, and a sentence about the bound.
std::string markdown(const std::vector<Figures>& all);

}  // namespace fettle::benchmarks
