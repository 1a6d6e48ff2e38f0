// SPDX-License-Identifier: Apache-2.0
//
// What a comparison has measured, and what follows from it.
#pragma once

#include "benchmarks/compare/probe.h"
#include "benchmarks/compare/rounds.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::benchmarks {

/// One contender with one model at one number of threads.
struct Entry {
  std::string contender;
  RoundTimes rounds_us;
  Footprint footprint;
  Probe probe;
  double error = 0;     ///< largest difference to the base's outputs, relative to the largest output
  std::string problem;  ///< why it does not run the model, in which case there are no times
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
  std::set<std::string> apart;  ///< models that no mean counts
  std::vector<ModelResult> results;

  /// Adds a result, or puts it in the place of an earlier one of the same model and threads.
  void put(ModelResult result);
};

/// The entry of that name that has times, or null.
const Entry* find(const ModelResult& result, std::string_view contender);

/// Whether this is Fettle itself, not something to compare it with.
bool is_own(std::string_view contender);

/// Whether this is what a straightforward implementation would be, made of Fettle's own parts and a BLAS: a
/// yardstick, not a peer.
bool is_baseline(std::string_view contender);

/// What `score` takes for the name of a rival that differs from model to model.
inline constexpr std::string_view kBestPeer = "best peer";
inline constexpr std::string_view kBestOfAll = "best of all";  ///< baselines included

/// The fastest of those that are neither Fettle itself nor, unless asked for, baselines, by the median of its
/// rounds, or null. Choosing it once a network, not in each round, keeps the noise of many contenders from
/// making one very fast peer.
const Entry* best_peer(const ModelResult& result, bool with_baselines = false);

/// Per-round ratios of an entry's times to another's.
std::vector<double> ratios(const Entry& entry, const Entry& base);

/// How a contender does against another one, over the models that both run and that do not stand apart.
struct Score {
  std::size_t models = 0;
  std::size_t faster = 0;         ///< models whose median ratio is below 1
  std::size_t always_faster = 0;  ///< models whose ratio is below 1 in every round
  double mean = 1;                ///< geometric mean of the median ratios
};
/// Against `rival`: a contender, or one of the names above.
Score score(const Comparison& comparison, int threads, std::string_view contender, std::string_view rival);

}  // namespace fettle::benchmarks
