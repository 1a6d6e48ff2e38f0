// SPDX-License-Identifier: Apache-2.0
#include "tuner/records.h"

#include <fettle/files.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>

namespace fettle::tuner {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 2;
constexpr std::size_t kMostBytes = std::size_t{256} << 20;

bool text_at(const Json& json, const char* key, std::string& target) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return false;
  target = found->get<std::string>();
  return true;
}

template <typename Number>
bool number_at(const Json& json, const char* key, Number& target) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return false;
  const double value = found->get<double>();
  if (!std::isfinite(value) || value < 0) return false;
  if (value > static_cast<double>(std::numeric_limits<Number>::max())) return false;
  target = static_cast<Number>(value);
  return true;
}

// Devices are the same for whole files: the last one is kept.
class DeviceReader {
 public:
  bool read(const Json& json, PlanDevice& device) {
    const auto found = json.find("device");
    if (found == json.end()) return false;
    std::string text = found->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text != text_) {
      Result<PlanDevice> parsed = PlanDevice::parse(text);
      if (!parsed) return false;
      text_ = std::move(text);
      device_ = *std::move(parsed);
    }
    device = device_;
    return true;
  }

 private:
  std::string text_;
  PlanDevice device_;
};

bool formats_at(const Json& json, Signature& signature) {
  std::string text;
  if (!text_at(json, "formats", text)) return false;
  const Result<Signature> parsed = Signature::parse(text);
  if (parsed) signature = *parsed;
  return static_cast<bool>(parsed);
}

bool parse_line(std::string_view line, DeviceReader& devices, Record& record) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!json.is_object()) return false;
  int version = 0;
  if (!number_at(json, "fettle_record", version) || version != kFormatVersion) return false;
  const auto us = json.find("us");
  if (us == json.end() || !us->is_object()) return false;
  text_at(json, "conditions", record.conditions);
  const bool complete =
      devices.read(json, record.device) && text_at(json, "layer", record.layer) &&
      text_at(json, "kernel", record.variant.kernel) &&
      number_at(json, "revision", record.variant.revision) && formats_at(json, record.variant.signature) &&
      number_at(json, "threads", record.variant.threads) && number_at(*us, "median", record.cost.us.median) &&
      number_at(*us, "low", record.cost.us.low) && number_at(*us, "high", record.cost.us.high) &&
      number_at(*us, "samples", record.cost.samples) && number_at(*us, "quiet", record.cost.quiet_us) &&
      record.cost.samples > 0;
  return complete;
}

// Three decimals are a nanosecond: beyond that digits are noise.
double rounded(double us) { return std::round(us * 1000) / 1000; }

std::string cost_key(const Space& space, int layer, const Candidate& candidate) {
  std::string text = space.layers[static_cast<std::size_t>(layer)].cost_key;
  for (int other : candidate.covers) text += " + " + space.layers[static_cast<std::size_t>(other)].cost_key;
  return text;
}

Record describe(const Space& space, int layer, const Candidate& candidate, const PlanDevice& device) {
  Record record;
  record.device = device;
  record.layer = cost_key(space, layer, candidate);
  record.variant = candidate.variant;
  record.variant.covers.clear();
  return record;
}

}  // namespace

std::string device_key(const PlanDevice& device) {
  std::string key;
  for (const std::string& isa : device.isa) key += (key.empty() ? "" : ",") + isa;
  for (const PlanDevice::Cores& cores : device.cores) {
    char text[64];
    std::snprintf(text, sizeof text, " %dx%08x/%zu/%zu", cores.count, cores.midr, cores.l1d, cores.l2);
    key += text;
  }
  return key;
}

std::string Record::line() const {
  Json json = {{"fettle_record", kFormatVersion},
               {"device", Json::parse(device.json())},
               {"layer", layer},
               {"kernel", variant.kernel},
               {"revision", variant.revision},
               {"formats", variant.signature.text()},
               {"threads", variant.threads},
               {"us",
                {{"median", rounded(cost.us.median)},
                 {"low", rounded(cost.us.low)},
                 {"high", rounded(cost.us.high)},
                 {"quiet", rounded(cost.quiet_us)},
                 {"samples", cost.samples}}}};
  if (!conditions.empty()) json["conditions"] = conditions;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Record::key() const { return device_key(device) + "\n" + layer + "\n" + variant.text(); }

std::vector<Record> parse_records(std::string_view text, SkippedLines* skipped) {
  std::vector<Record> records;
  SkippedLines damaged;
  DeviceReader devices;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    Record record;
    if (parse_line(line, devices, record))
      records.push_back(std::move(record));
    else if (damaged.count++ == 0)
      damaged.first = number;
  }
  if (skipped != nullptr) *skipped = damaged;
  return records;
}

Result<std::vector<Record>> load_records(const std::string& path, SkippedLines* skipped) {
  const Result<std::vector<std::byte>> bytes = read_file(path, kMostBytes);
  if (!bytes) return Error(bytes.error().code(), "records " + bytes.error().message(), bytes.error().hint());
  return parse_records({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, skipped);
}

Status append_records(const std::string& path, const std::vector<Record>& records) {
  std::string text;
  for (const Record& record : records) text += record.line() + "\n";
  return append_lines(path, text);
}

std::map<std::string, Record> merge_records(const std::vector<Record>& records) {
  std::map<std::string, Record> merged;
  for (const Record& record : records) {
    const auto [found, fresh] = merged.try_emplace(record.key(), record);
    if (fresh) continue;
    Cost& cost = found->second.cost;
    const double mine = cost.samples;
    const double other = record.cost.samples;
    const auto mean = [&](double a, double b) { return (a * mine + b * other) / (mine + other); };
    cost.us.median = mean(cost.us.median, record.cost.us.median);
    cost.quiet_us = mean(cost.quiet_us, record.cost.quiet_us);
    cost.us.low = std::min(cost.us.low, record.cost.us.low);
    cost.us.high = std::max(cost.us.high, record.cost.us.high);
    cost.samples = static_cast<int>(std::min(mine + other, 1e9));
  }
  return merged;
}

int apply_records(const std::vector<Record>& records, const PlanDevice& device, const Space& space,
                  CostTable& table) {
  const std::map<std::string, Record> merged = merge_records(records);
  int known = 0;
  for (std::size_t i = 0; i < space.layers.size(); ++i) {
    for (std::size_t c = 0; c < space.layers[i].candidates.size(); ++c) {
      const Candidate& candidate = space.layers[i].candidates[c];
      if (candidate.covered()) continue;
      const auto found = merged.find(describe(space, static_cast<int>(i), candidate, device).key());
      if (found == merged.end()) continue;
      table.set_prior(static_cast<int>(i), static_cast<int>(c), found->second.cost);
      ++known;
    }
  }
  return known;
}

std::vector<Record> records_of(const Space& space, const CostTable& table, const PlanDevice& device,
                               const std::string& conditions) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < space.layers.size(); ++i) {
    for (std::size_t c = 0; c < space.layers[i].candidates.size(); ++c) {
      const Candidate& candidate = space.layers[i].candidates[c];
      const std::optional<Cost> cost = table.cost(static_cast<int>(i), static_cast<int>(c));
      if (candidate.covered() || !cost || cost->prior || cost->samples == 0) continue;
      Record record = describe(space, static_cast<int>(i), candidate, device);
      record.cost = *cost;
      record.conditions = conditions;
      records.push_back(std::move(record));
    }
  }
  return records;
}

}  // namespace fettle::tuner
