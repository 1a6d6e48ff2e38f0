// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/accuracy_report.h"

#include "tuner/cli/progress.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <memory>

namespace fettle::cli {

Result<AccuracyResult> measure_on(const Program& reference, const Program& candidate, const Dataset& data) {
  std::vector<std::unique_ptr<TaskMetric>> metrics;
  if (!data.classes().empty()) {
    metrics.push_back(top_k_metric(data.classes(), 1));
    if (reference.outputs().front().shape.elements() > 5) metrics.push_back(top_k_metric(data.classes(), 5));
  }
  std::vector<TaskMetric*> pointers;
  for (const auto& metric : metrics) pointers.push_back(metric.get());
  PhaseLine line;
  AccuracyOptions options;
  options.progress = [&](std::size_t done) {
    line.show("samples", done, data.size());
    return true;
  };
  return measure_accuracy(reference, candidate, data.samples(), pointers, options);
}

PairedDifference loss_of(const AccuracyResult& result) {
  return result.metrics.empty() ? result.changed : result.metrics.front().drop;
}

Json accuracy_json(const AccuracyResult& result) {
  const auto difference = [](const PairedDifference& drop) {
    return Json{{"value", drop.value}, {"low", drop.low}, {"high", drop.high}};
  };
  Json json{
      {"samples", result.samples}, {"agreement", result.agreement}, {"changed", difference(result.changed)}};
  Json reference = Json::object();
  for (const MetricResult& metric : result.metrics) {
    json[metric.name] = metric.candidate;
    reference[metric.name] = metric.reference;
  }
  if (!result.metrics.empty()) {
    json["reference"] = reference;
    json["drop"] = difference(result.metrics.front().drop);
  }
  json["mean_kl"] = result.mean_kl;
  json["sqnr_db"] = result.sqnr_db;
  return json;
}

std::string percent(double fraction) { return fmt::format("{:.2f} %", fraction * 100); }

std::string accuracy_text(const AccuracyResult& result) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{} samples\n", result.samples);
  for (const MetricResult& metric : result.metrics) {
    fmt::format_to(out, "{:<10} {:>9}  (reference {}, drop {:.2f} points, 95 % interval {:.2f} to {:.2f})\n",
                   metric.name, percent(metric.candidate), percent(metric.reference), metric.drop.value * 100,
                   metric.drop.low * 100, metric.drop.high * 100);
  }
  fmt::format_to(out, "{:<10} {:>9}  (decisions that changed: {}, 95 % interval {} to {})\n", "agreement",
                 percent(result.agreement), percent(result.changed.value),
                 percent(std::max(0.0, result.changed.low)), percent(result.changed.high));
  fmt::format_to(out, "{:<10} {:>9.4f}  nats, mean of all decisions\n", "KL", result.mean_kl);
  fmt::format_to(out, "{:<10} {:>9.2f}  dB\n", "SQNR", result.sqnr_db);
  return text;
}

Result<double> parse_points(const std::string& text, const std::string& option) {
  std::string_view number = text;
  if (number.ends_with('%')) number.remove_suffix(1);
  double points = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), points);
  if (error != std::errc() || end != number.data() + number.size() || !(points >= 0 && points <= 100)) {
    return Error(ErrorCode::kInvalidArgument, option + " " + text + " is no number of percentage points",
                 "write for example 0.5%");
  }
  return points / 100;
}

}  // namespace fettle::cli
