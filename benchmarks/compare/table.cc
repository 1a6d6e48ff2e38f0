// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace fettle::benchmarks {
namespace {

/// The part of a comparison that one table shows.
struct Section {
  const Comparison& comparison;
  int threads = 1;
  std::vector<const ModelResult*> results = {};
  std::vector<std::string> contenders = {};  ///< of any result, in order of appearance
  bool in_floats = false;                    ///< whether there are networks beside the same in floats
  bool peers = false;  ///< whether there is Fettle's plan and more than one to choose the best from
};

Section section(const Comparison& comparison, int threads) {
  Section all{comparison, threads};
  for (const ModelResult& result : comparison.results) {
    if (result.threads != threads) continue;
    all.results.push_back(&result);
    all.in_floats = all.in_floats || result.in_floats;
    for (const Entry& entry : result.entries) {
      const auto known = std::find(all.contenders.begin(), all.contenders.end(), entry.contender);
      if (known == all.contenders.end()) all.contenders.push_back(entry.contender);
    }
  }
  const auto peers = std::count_if(
      all.contenders.begin(), all.contenders.end(),
      [](const std::string& contender) { return !is_own(contender) && !is_baseline(contender); });
  const auto plan = std::find(all.contenders.begin(), all.contenders.end(), "plan");
  all.peers = !all.in_floats && peers > 1 && plan != all.contenders.end();
  return all;
}

std::string title(const char* what, int threads) {
  return fmt::format("\n**{}{} thread{}**", what, threads, threads == 1 ? "" : "s");
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

// "1.07, 1.02-1.15": median and range.
std::string spread(const std::vector<double>& all) {
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  return fmt::format("{:.2f}, {:.2f}-{:.2f}", median(all), *low, *high);
}

// "1.93 (1.07, 1.02-1.15)": milliseconds, and the per-round ratios. Nothing for who does not run the network.
std::string cell(const ModelResult& result, const std::string& contender, const std::string& base) {
  const Entry* entry = find(result, contender);
  const Entry* other = find(result, base);
  if (entry == nullptr) return "";
  const std::string time = fmt::format("{:.2f}", median(entry->rounds_us) / 1000);
  return other == nullptr || other == entry ? time
                                            : fmt::format("{} ({})", time, spread(ratios(*entry, *other)));
}

std::string peer_cell(const ModelResult& result) {
  const Entry* plan = find(result, "plan");
  const Entry* peer = best_peer(result);
  if (plan == nullptr || peer == nullptr) return "";
  return fmt::format("{} ({})", spread(ratios(*plan, *peer)), peer->contender);
}

// What each contender gains by a network's being quantised.
void add_gains(std::string& text, const Section& all, const ModelResult& quantised,
               const ModelResult& in_floats) {
  text += "| quantised / floats |";
  for (const std::string& contender : all.contenders) {
    const Entry* entry = find(quantised, contender);
    const Entry* other = find(in_floats, contender);
    text += entry == nullptr || other == nullptr ? " |" : " " + spread(ratios(*entry, *other)) + " |";
  }
  text += "\n";
}

void add_means(std::string& text, const Section& all) {
  text += "| **geometric mean of ratios** |";
  for (const std::string& contender : all.contenders) {
    const double mean = score(all.comparison, all.threads, contender, all.comparison.base).mean;
    fmt::format_to(std::back_inserter(text), " **{:.3f}** |", mean);
  }
  text += all.peers
              ? fmt::format(" **{:.3f}** |\n", score(all.comparison, all.threads, "plan", kBestPeer).mean)
              : "\n";
}

// The line of one pair in the table of scores.
void add_score(std::string& text, const Section& all, std::string_view contender, std::string_view rival) {
  const Score sum = score(all.comparison, all.threads, contender, rival);
  if (sum.models == 0) return;
  fmt::format_to(std::back_inserter(text), "| {} / {} | {} | {:.3f} | {} | {} |\n", contender, rival,
                 sum.models, sum.mean, sum.faster, sum.always_faster);
}

void add_scores(std::string& text, const Section& all) {
  text += title("Fettle against the others, ", all.threads) + "\n\n" +
          header({"ratio", "networks", "geometric mean", "faster in", "in every round of"});
  for (const std::string_view own : {"plan", "default"}) {
    add_score(text, all, own, kBestPeer);
    add_score(text, all, own, kBestOfAll);
  }
  for (const std::string& rival : all.contenders) {
    if (!is_own(rival)) add_score(text, all, "plan", rival);
  }
}

// What a table does not show in its cells.
void add_notes(std::string& text, const Section& all) {
  auto out = std::back_inserter(text);
  std::string apart;
  std::map<std::pair<std::string, std::string>, std::string> problems;
  std::map<std::string, double> errors;
  for (const ModelResult* result : all.results) {
    if (all.comparison.apart.contains(result->model)) apart += (apart.empty() ? "" : ", ") + result->model;
    for (const Entry& entry : result->entries) {
      if (entry.rounds_us.empty()) {
        std::string& models = problems[{entry.contender, entry.problem}];
        models += (models.empty() ? "" : ", ") + result->model;
      } else if (entry.contender != all.comparison.base) {
        errors[entry.contender] = std::max(errors[entry.contender], entry.error);
      }
    }
  }
  text += "\n";
  if (!apart.empty()) fmt::format_to(out, "- Apart, in no mean: {}.\n", apart);
  for (const auto& [key, models] : problems)
    fmt::format_to(out, "- No {} for {}: {}.\n", key.first, models, key.second);
  if (!problems.empty()) text += "- Means are over the networks that a contender runs.\n";
  std::string differences;
  for (const std::string& contender : all.contenders) {
    if (const auto error = errors.find(contender); error != errors.end())
      differences += fmt::format("{}{} {:.1e}", differences.empty() ? "" : ", ", contender, error->second);
  }
  fmt::format_to(out, "- Largest difference to {}'s outputs, relative to the largest output: {}.\n",
                 all.comparison.base, differences);
}

void add_latencies(std::string& text, const Section& all) {
  text += title("", all.threads) +
          fmt::format(": median ms (median per-round ratio to {}, lowest-highest)\n\n", all.comparison.base);
  std::vector<std::string> columns{"model"};
  columns.insert(columns.end(), all.contenders.begin(), all.contenders.end());
  if (all.peers) columns.emplace_back("plan / best peer");
  text += header(columns);
  const ModelResult* before = nullptr;
  for (const ModelResult* result : all.results) {
    text += "| " + result->model + " |";
    for (const std::string& contender : all.contenders)
      text += " " + cell(*result, contender, all.comparison.base) + " |";
    text += all.peers ? " " + peer_cell(*result) + " |\n" : "\n";
    if (result->in_floats && before != nullptr) add_gains(text, all, *before, *result);
    before = result;
  }
  if (!all.in_floats) add_means(text, all);
  add_notes(text, all);
  if (all.peers) add_scores(text, all);
}

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void add_memory(std::string& text, const Section& all) {
  auto out = std::back_inserter(text);
  text += title("Load time and memory, ", all.threads) +
          ": load ms and peak MiB of a process with that contender alone; MiB of Fettle's default beside "
          "them\n\n";
  std::vector<std::string> columns{"model"};
  for (const char* what : {" load", " peak"}) {
    for (const std::string& contender : all.contenders) columns.push_back(contender + what);
  }
  for (const char* name :
       {"weights", "all activations", "largest live set", "without workspaces", "arena", "arena / live set"})
    columns.emplace_back(name);
  text += header(columns);
  for (const ModelResult* result : all.results) {
    text += "| " + result->model + " |";
    for (const bool load : {true, false}) {
      for (const std::string& contender : all.contenders) {
        const Entry* entry = find(*result, contender);
        if (entry == nullptr)
          text += " |";
        else
          fmt::format_to(out, " {:.1f} |",
                         load ? entry->probe.load_us / 1000 : mebibytes(entry->probe.peak_bytes));
      }
    }
    const Entry* plain = find(*result, "default");
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

std::string markdown(const Comparison& comparison) {
  std::string text = fmt::format("{}; {} interleaved rounds.\n", comparison.machine, comparison.rounds);
  std::set<int> threads;
  for (const ModelResult& result : comparison.results) threads.insert(result.threads);
  for (int count : threads) add_latencies(text, section(comparison, count));
  for (int count : threads) add_memory(text, section(comparison, count));
  return text;
}

}  // namespace fettle::benchmarks
