// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/store.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <utility>

namespace fettle::benchmarks {
namespace {

using Json = nlohmann::ordered_json;

Json entry_json(const Entry& entry, const ModelResult& result, const std::string& base) {
  if (entry.rounds_us.empty()) return {{"problem", entry.problem}};
  const Footprint& f = entry.footprint;
  const Entry* other = find(result, base);
  return {{"median_us", median(entry.rounds_us)},
          {"rounds_us", entry.rounds_us},
          {"ratio", other == nullptr ? 0 : median(ratios(entry, *other))},
          {"relative_error", entry.error},
          {"load_us", entry.probe.load_us},
          {"first_run_us", entry.probe.first_run_us},
          {"peak_rss_bytes", entry.probe.peak_bytes},
          {"arena_bytes", f.arena_bytes},
          {"largest_live_set_bytes", f.live_set_bytes},
          {"largest_live_values_bytes", f.live_values_bytes},
          {"sum_of_activations_bytes", f.activation_bytes},
          {"weight_bytes", f.weight_bytes}};
}

Entry read_entry(const std::string& contender, const Json& from) {
  Entry entry;
  entry.contender = contender;
  entry.problem = from.value("problem", "");
  if (!from.contains("rounds_us")) return entry;
  entry.rounds_us = from.at("rounds_us").get<RoundTimes>();
  entry.error = from.at("relative_error");
  entry.probe = {from.at("load_us"), from.at("first_run_us"), from.at("peak_rss_bytes")};
  entry.footprint = {from.at("arena_bytes"), from.at("largest_live_set_bytes"),
                     from.at("largest_live_values_bytes"), from.at("sum_of_activations_bytes"),
                     from.at("weight_bytes")};
  return entry;
}

Json scores(const Comparison& comparison, const ModelResult& result) {
  Json all = Json::object();
  const Entry* peer = best_peer(result);
  if (peer == nullptr) return all;
  all["best_peer"] = peer->contender;
  for (const Entry& entry : result.entries) {
    if (is_own(entry.contender) && !entry.rounds_us.empty())
      all[entry.contender + "_to_best_peer"] = median(ratios(entry, *peer));
  }
  all["apart"] = comparison.apart.contains(result.model);
  return all;
}

}  // namespace

std::string json(const Comparison& comparison) {
  Json all = {{"machine", comparison.machine},
              {"base", comparison.base},
              {"rounds", comparison.rounds},
              {"apart", comparison.apart},
              {"results", Json::array()}};
  for (const ModelResult& result : comparison.results) {
    Json entries = Json::object();
    for (const Entry& entry : result.entries)
      entries[entry.contender] = entry_json(entry, result, comparison.base);
    Json one = {{"model", result.model}, {"threads", result.threads}, {"in_floats", result.in_floats}};
    one.update(scores(comparison, result));
    one["contenders"] = std::move(entries);
    all["results"].push_back(std::move(one));
  }
  return all.dump(2) + "\n";
}

Result<Comparison> read_comparison(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::kFileNotFound, path + " cannot be read");
  try {
    const Json all = Json::parse(file);
    Comparison comparison;
    comparison.machine = all.at("machine");
    comparison.base = all.at("base");
    comparison.rounds = all.at("rounds");
    comparison.apart = all.at("apart").get<std::set<std::string>>();
    for (const Json& from : all.at("results")) {
      ModelResult result{from.at("model"), from.at("threads"), {}, from.at("in_floats")};
      for (const auto& [contender, numbers] : from.at("contenders").items())
        result.entries.push_back(read_entry(contender, numbers));
      comparison.results.push_back(std::move(result));
    }
    return comparison;
  } catch (const Json::exception& exception) {
    return Error(ErrorCode::kFileMalformed, path + " is no comparison: " + exception.what(),
                 "remove it and measure all networks again");
  }
}

}  // namespace fettle::benchmarks
