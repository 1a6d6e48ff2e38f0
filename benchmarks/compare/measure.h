// SPDX-License-Identifier: Apache-2.0
//
// One network in all contenders: loaded, checked against each other, and timed in interleaved rounds.
#pragma once

#include "benchmarks/compare/results.h"

#include <string>
#include <vector>

namespace fettle::benchmarks {

struct MeasureOptions {
  std::vector<std::string> contenders;  ///< ratios are to the first
  RoundOptions rounds;
  std::string plan;   ///< the plan to follow; empty: one of the folder
  std::string plans;  ///< folder of plans
  bool keep_plans = false;
  double tune_budget = 20;    ///< seconds for a plan
  std::string rival_library;  ///< path of libonnxruntime.so
  std::string converted;      ///< folder of the networks in rivals' own formats
  std::string floats;         ///< folder of networks to time beside quantised ones
  double tolerance = 1e-4;    ///< greatest difference of outputs, relative to the largest

  bool takes_part(std::string_view contender) const;
};

/// The file's name without folder and extension.
std::string stem(const std::string& path);

/// A network as `contender` gets it, with a plan if that is the one who follows it: the one given, one of an
/// earlier run if it is to be kept, or one tuned here.
Result<Task> task_for(const MeasureOptions& options, const std::string& path, int threads);

/// A model's result, and that of the same network in floats where there is a folder of those. What is wrong
/// with a rival is a result; errors are what keeps the first contender or Fettle itself from running.
Result<std::vector<ModelResult>> measure(const MeasureOptions& options, const std::string& path, int threads);

}  // namespace fettle::benchmarks
