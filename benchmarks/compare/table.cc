// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace fettle::benchmarks {
namespace {

const Entry* find(const ModelResult& result, const std::string& contender) {
  const auto found = std::find_if(result.entries.begin(), result.entries.end(),
                                  [&](const Entry& entry) { return entry.contender == contender; });
  return found == result.entries.end() ? nullptr : &*found;
}

std::vector<double> ratios(const Entry& entry, const Entry& base) {
  std::vector<double> all;
  for (std::size_t i = 0; i < entry.rounds_us.size(); ++i)
    all.push_back(entry.rounds_us[i] / base.rounds_us[i]);
  return all;
}

// "1.07, 1.02-1.15": median and range.
std::string spread(const std::vector<double>& all) {
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  return fmt::format("{:.2f}, {:.2f}-{:.2f}", median(all), *low, *high);
}

// "1.93 (1.07, 1.02-1.15)": milliseconds, and the per-round ratios.
std::string cell(const ModelResult& result, const Entry& entry, const std::string& base) {
  const std::string time = fmt::format("{:.2f}", median(entry.rounds_us) / 1000);
  return entry.contender == base ? time : fmt::format("{} ({})", time, spread(ratios(result, entry, base)));
}

// What each contender gains by a network's being quantised.
void add_gains(std::string& text, const ModelResult& quantised, const ModelResult& in_floats) {
  text += "| quantised / floats |";
  for (std::size_t i = 0; i < quantised.entries.size(); ++i)
    text += " " + spread(ratios(quantised.entries[i], in_floats.entries[i])) + " |";
  text += "\n";
}

void add_means(std::string& text, const std::vector<std::string>& contenders,
               std::map<std::string, std::vector<double>>& logs) {
  text += "| **geometric mean of ratios** |";
  for (const std::string& contender : contenders) {
    double sum = 0;
    for (double value : logs[contender]) sum += value;
    fmt::format_to(std::back_inserter(text), " **{:.3f}** |",
                   std::exp(sum / static_cast<double>(logs[contender].size())));
  }
  text += "\n";
}

std::string header(const std::vector<std::string>& columns) {
  std::string names = "|";
  std::string line = "|";
  for (const std::string& column : columns) {
    names += " " + column + " |";
    line += "---|";
  }
  return names + "\n" + line + "\n";
}

void add_latencies(std::string& text, const Comparison& comparison, int threads) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "\n**{} thread{}**: median ms (median per-round ratio to {}, lowest-highest)\n\n",
                 threads, threads == 1 ? "" : "s", comparison.base);
  std::vector<std::string> columns{"model"};
  std::vector<std::string> contenders;
  std::map<std::string, std::vector<double>> logs;
  bool in_floats = false;
  const ModelResult* before = nullptr;
  for (const ModelResult& result : comparison.results) {
    if (result.threads != threads) continue;
    if (contenders.empty()) {
      for (const Entry& entry : result.entries) contenders.push_back(entry.contender);
      columns.insert(columns.end(), contenders.begin(), contenders.end());
      text += header(columns);
    }
    text += "| " + result.model + " |";
    for (const Entry& entry : result.entries) {
      text += " " + cell(result, entry, comparison.base) + " |";
      logs[entry.contender].push_back(std::log(median(ratios(result, entry, comparison.base))));
    }
    text += "\n";
    if (result.in_floats) add_gains(text, *before, result);
    in_floats = in_floats || result.in_floats;
    before = &result;
  }
  if (!in_floats) add_means(text, contenders, logs);
}

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void add_memory(std::string& text, const Comparison& comparison, int threads) {
  auto out = std::back_inserter(text);
  fmt::format_to(
      out,
      "\n**Load time and memory, {} thread{}**: load ms and peak MiB of a process with that contender alone; "
      "MiB of Fettle's default beside them\n\n",
      threads, threads == 1 ? "" : "s");
  bool first = true;
  for (const ModelResult& result : comparison.results) {
    if (result.threads != threads) continue;
    if (first) {
      std::vector<std::string> columns{"model"};
      for (const Entry& entry : result.entries) columns.push_back(entry.contender + " load");
      for (const Entry& entry : result.entries) columns.push_back(entry.contender + " peak");
      for (const char* name : {"weights", "all activations", "largest live set", "without workspaces",
                               "arena", "arena / live set"})
        columns.emplace_back(name);
      text += header(columns);
      first = false;
    }
    text += "| " + result.model + " |";
    for (const Entry& entry : result.entries) fmt::format_to(out, " {:.1f} |", entry.probe.load_us / 1000);
    for (const Entry& entry : result.entries)
      fmt::format_to(out, " {:.1f} |", mebibytes(entry.probe.peak_bytes));
    const Entry* plain = find(result, "default");
    const Footprint f = plain == nullptr ? Footprint{} : plain->footprint;
    for (std::size_t bytes :
         {f.weight_bytes, f.activation_bytes, f.live_set_bytes, f.live_values_bytes, f.arena_bytes})
      fmt::format_to(out, " {:.2f} |", mebibytes(bytes));
    fmt::format_to(out, " {:.3f} |\n",
                   f.live_set_bytes == 0
                       ? 0
                       : static_cast<double>(f.arena_bytes) / static_cast<double>(f.live_set_bytes));
  }
}

}  // namespace

std::vector<double> ratios(const ModelResult& result, const Entry& entry, const std::string& base) {
  const Entry* other = find(result, base);
  return other == nullptr ? std::vector<double>{} : ratios(entry, *other);
}

std::string markdown(const Comparison& comparison) {
  std::string text = fmt::format("{}; {} interleaved rounds.\n", comparison.machine, comparison.rounds);
  std::set<int> threads;
  for (const ModelResult& result : comparison.results) threads.insert(result.threads);
  for (int count : threads) add_latencies(text, comparison, count);
  for (int count : threads) add_memory(text, comparison, count);
  return text;
}

std::string json(const Comparison& comparison) {
  nlohmann::ordered_json all;
  all["machine"] = comparison.machine;
  all["base"] = comparison.base;
  all["rounds"] = comparison.rounds;
  for (const ModelResult& result : comparison.results) {
    nlohmann::ordered_json entries;
    for (const Entry& entry : result.entries) {
      const Footprint& f = entry.footprint;
      entries[entry.contender] = {{"median_us", median(entry.rounds_us)},
                                  {"rounds_us", entry.rounds_us},
                                  {"ratio", median(ratios(result, entry, comparison.base))},
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
    all["results"].push_back({{"model", result.model},
                              {"threads", result.threads},
                              {"in_floats", result.in_floats},
                              {"contenders", entries}});
  }
  return all.dump(2) + "\n";
}

}  // namespace fettle::benchmarks
