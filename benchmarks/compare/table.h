// SPDX-License-Identifier: Apache-2.0
//
// The results of a comparison, as Markdown for people and JSON for programs.
#pragma once

#include "benchmarks/compare/probe.h"
#include "benchmarks/compare/rounds.h"

#include <map>
#include <string>
#include <vector>

namespace fettle::benchmarks {

/// One contender with one model at one number of threads.
struct Entry {
  std::string contender;
  RoundTimes rounds_us;
  Footprint footprint;
  Probe probe;
  double error = 0;  ///< largest difference to the base's outputs, relative to the largest output
};

struct ModelResult {
  std::string model;
  int threads = 1;
  std::vector<Entry> entries;
  /// The network of the result before this one without its Q/DQ nodes, timed in the same rounds with the same
  /// contenders.
  bool in_floats = false;
};

/// All models at all numbers of threads.
struct Comparison {
  std::string base;     ///< the contender that ratios are against
  std::string machine;  ///< one line
  int rounds = 0;
  std::vector<ModelResult> results;
};

/// Per-round ratios of an entry to the base.
std::vector<double> ratios(const ModelResult& result, const Entry& entry, const std::string& base);

/// Tables of latency, with the geometric mean of ratios (without networks in floats) or those of quantised
/// networks to floats, and of load time and memory.
std::string markdown(const Comparison& comparison);
std::string json(const Comparison& comparison);

}  // namespace fettle::benchmarks
