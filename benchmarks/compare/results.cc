// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/results.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::benchmarks {

void Comparison::put(ModelResult result) {
  const auto same = std::find_if(results.begin(), results.end(), [&](const ModelResult& other) {
    return other.model == result.model && other.threads == result.threads;
  });
  if (same != results.end())
    *same = std::move(result);
  else
    results.push_back(std::move(result));
}

const Entry* find(const ModelResult& result, std::string_view contender) {
  const auto found = std::find_if(result.entries.begin(), result.entries.end(), [&](const Entry& entry) {
    return entry.contender == contender && !entry.rounds_us.empty();
  });
  return found == result.entries.end() ? nullptr : &*found;
}

bool is_own(std::string_view contender) { return contender == "default" || contender == "plan"; }

bool is_baseline(std::string_view contender) { return contender == "blas" || contender == "caffe"; }

const Entry* best_peer(const ModelResult& result, bool with_baselines) {
  const Entry* best = nullptr;
  for (const Entry& entry : result.entries) {
    if (is_own(entry.contender) || entry.rounds_us.empty()) continue;
    if (!with_baselines && is_baseline(entry.contender)) continue;
    if (best == nullptr || median(entry.rounds_us) < median(best->rounds_us)) best = &entry;
  }
  return best;
}

std::vector<double> ratios(const Entry& entry, const Entry& base) {
  std::vector<double> all;
  for (std::size_t i = 0; i < std::min(entry.rounds_us.size(), base.rounds_us.size()); ++i)
    all.push_back(entry.rounds_us[i] / base.rounds_us[i]);
  return all;
}

Score score(const Comparison& comparison, int threads, std::string_view contender, std::string_view rival) {
  Score score;
  double logs = 0;
  for (const ModelResult& result : comparison.results) {
    if (result.threads != threads || comparison.apart.contains(result.model)) continue;
    const Entry* own = find(result, contender);
    const Entry* other = rival == kBestPeer    ? best_peer(result)
                         : rival == kBestOfAll ? best_peer(result, true)
                                               : find(result, rival);
    if (own == nullptr || other == nullptr) continue;
    const std::vector<double> all = ratios(*own, *other);
    ++score.models;
    score.faster += median(all) < 1;
    score.always_faster += *std::max_element(all.begin(), all.end()) < 1;
    logs += std::log(median(all));
  }
  if (score.models > 0) score.mean = std::exp(logs / static_cast<double>(score.models));
  return score;
}

}  // namespace fettle::benchmarks
