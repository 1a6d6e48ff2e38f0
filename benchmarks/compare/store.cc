// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/store.h"

#include <nlohmann/json.hpp>

#include <algorithm>
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

/// Reads members of JSON objects without trusting them: what is missing or of another type is noted.
class Reader {
 public:
  bool failed() const { return failed_; }

  const Json& member(const Json& from, const char* key) {
    static const Json nothing;
    const auto found = from.is_object() ? from.find(key) : from.end();
    failed_ = failed_ || found == from.end();
    return found == from.end() ? nothing : *found;
  }
  double number(const Json& from, const char* key) { return number(member(from, key)); }
  double number(const Json& value) {
    failed_ = failed_ || !value.is_number();
    return failed_ ? 0 : value.get<double>();
  }
  std::size_t bytes(const Json& from, const char* key) {
    return static_cast<std::size_t>(std::clamp(number(from, key), 0.0, 1e15));
  }
  int small(const Json& from, const char* key) {
    return static_cast<int>(std::clamp(number(from, key), 0.0, 1e6));
  }
  bool truth(const Json& from, const char* key) {
    const Json& value = member(from, key);
    failed_ = failed_ || !value.is_boolean();
    return !failed_ && value.get<bool>();
  }
  std::string text(const Json& from, const char* key) { return text(member(from, key)); }
  std::string text(const Json& value) {
    failed_ = failed_ || !value.is_string();
    return failed_ ? std::string() : value.get<std::string>();
  }
  /// A member that must be an array, or object where `object` says so; an empty one if it is not.
  const Json& list(const Json& from, const char* key, bool object = false) {
    static const Json nothing = Json::array();
    const Json& value = member(from, key);
    const bool right = object ? value.is_object() : value.is_array();
    failed_ = failed_ || !right;
    return right ? value : nothing;
  }

 private:
  bool failed_ = false;
};

Entry read_entry(Reader& reader, const std::string& contender, const Json& from) {
  Entry entry;
  entry.contender = contender;
  if (from.is_object() && from.contains("problem")) {
    entry.problem = reader.text(from, "problem");
    return entry;
  }
  for (const Json& us : reader.list(from, "rounds_us")) entry.rounds_us.push_back(reader.number(us));
  entry.error = reader.number(from, "relative_error");
  entry.probe = {reader.number(from, "load_us"), reader.number(from, "first_run_us"),
                 reader.bytes(from, "peak_rss_bytes")};
  entry.footprint = {reader.bytes(from, "arena_bytes"), reader.bytes(from, "largest_live_set_bytes"),
                     reader.bytes(from, "largest_live_values_bytes"),
                     reader.bytes(from, "sum_of_activations_bytes"), reader.bytes(from, "weight_bytes")};
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
  const Json all = Json::parse(file, nullptr, false);
  Reader reader;
  Comparison comparison;
  comparison.machine = reader.text(all, "machine");
  comparison.base = reader.text(all, "base");
  comparison.rounds = reader.small(all, "rounds");
  for (const Json& model : reader.list(all, "apart")) comparison.apart.insert(reader.text(model));
  for (const Json& from : reader.list(all, "results")) {
    ModelResult result{
        reader.text(from, "model"), reader.small(from, "threads"), {}, reader.truth(from, "in_floats")};
    for (const auto& [contender, numbers] : reader.list(from, "contenders", true).items())
      result.entries.push_back(read_entry(reader, contender, numbers));
    comparison.results.push_back(std::move(result));
  }
  if (!reader.failed()) return comparison;
  return Error(ErrorCode::kFileMalformed, path + " is no comparison",
               "remove it and measure all networks again");
}

}  // namespace fettle::benchmarks
