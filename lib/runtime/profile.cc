// SPDX-License-Identifier: Apache-2.0
//
// The profile, as a table for people and as Chrome trace events.
#include "lib/base/extents.h"
#include "lib/base/guard.h"
#include "lib/runtime/runtime_state.h"

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace fettle {
namespace {

double microseconds(double ns) { return ns / 1000.0; }

// Whether the data say how much there is to do: macs and shapes are the most then.
bool depends_on_data(const StepInfo& step) {
  for (const auto* tensors : {&step.desc.inputs, &step.desc.outputs}) {
    for (const TensorDesc& tensor : *tensors) {
      if (tensor.bounded != 0) return true;
    }
  }
  return false;
}

// Multiply-accumulates count as two operations; operations per nanosecond are GFLOP/s. 0 where nobody knows.
double gflops(const StepInfo& step, double ns) {
  return ns > 0 && !depends_on_data(step) ? 2.0 * static_cast<double>(step.macs) / ns : 0.0;
}

std::string output_text(const StepInfo& step) {
  if (step.desc.outputs.empty()) return {};
  const TensorDesc& output = step.desc.outputs.front();
  return extents_text(output) + " " + std::string(to_string(output.format.layout));
}

std::string json_escaped(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '"' || c == '\\') escaped.push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20) {
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string table_of(std::span<const StepInfo> steps, std::span<const StepTime> times) {
  double total = 0;
  for (const StepTime& time : times) {
    if (time.runs > 0) total += static_cast<double>(time.total_ns) / static_cast<double>(time.runs);
  }
  // A kernel's rate is that of its smallest time: what other programs did in the others is not its own.
  std::string text = fmt::format("{:<32} {:<34} {:<20} {:>3} {:>10} {:>10} {:>6} {:>12}\n", "layer", "kernel",
                                 "output", "thr", "mean us", "min us", "%", "best GFLOP/s");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepTime& time = times[i];
    if (steps[i].alias || time.runs == 0) continue;
    const double mean = static_cast<double>(time.total_ns) / static_cast<double>(time.runs);
    const auto least = static_cast<double>(time.min_ns);
    const std::string layer = steps[i].conversion ? "-> " + steps[i].layer : steps[i].layer;
    fmt::format_to(
        std::back_inserter(text), "{:<32} {:<34} {:<20} {:>3} {:>10.1f} {:>10.1f} {:>6.1f} {:>12}\n", layer,
        steps[i].kernel, output_text(steps[i]), steps[i].threads, microseconds(mean), microseconds(least),
        total > 0 ? 100.0 * mean / total : 0.0,
        steps[i].macs > 0 && !depends_on_data(steps[i]) ? fmt::format("{:.1f}", gflops(steps[i], least))
                                                        : "");
  }
  fmt::format_to(std::back_inserter(text), "{:<32} {:<34} {:<20} {:>3} {:>10.1f}\n", "total", "", "", "",
                 microseconds(total));
  return text;
}

std::string trace_of(std::span<const StepInfo> steps, std::span<const StepTime> times) {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  bool first = true;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepTime& time = times[i];
    if (steps[i].alias || time.runs == 0) continue;
    const auto last = static_cast<double>(time.last_ns);
    fmt::format_to(
        std::back_inserter(text),
        "{}\n{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":{:.3f},\"dur\":{:.3f},"
        "\"args\":{{\"kernel\":\"{}\",\"threads\":{},\"desc\":\"{}\",\"gflops\":{:.2f}}}}}",
        first ? "" : ",", json_escaped(steps[i].layer), steps[i].conversion ? "conversion" : "layer",
        microseconds(static_cast<double>(time.start_ns)), microseconds(last), json_escaped(steps[i].kernel),
        steps[i].threads, json_escaped(steps[i].desc.text()), gflops(steps[i], last));
    first = false;
  }
  text += "\n]}\n";
  return text;
}

}  // namespace

std::string Runtime::profile_table() const {
  Result<std::string> text =
      guard_allocation([&]() -> Result<std::string> { return table_of(program().steps(), state_->times); });
  return text ? *std::move(text) : std::string();
}

std::string Runtime::profile_trace() const {
  Result<std::string> text =
      guard_allocation([&]() -> Result<std::string> { return trace_of(program().steps(), state_->times); });
  return text ? *std::move(text) : std::string();
}

}  // namespace fettle
