// SPDX-License-Identifier: Apache-2.0
//
// fettle tune: measure variants here, write a plan.
#include "tuner/cli/command.h"
#include "tuner/cli/progress.h"
#include "tuner/cli/reference_json.h"
#include "tuner/reference_share.h"

#include <fettle/tuner.h>

#include <fmt/format.h>

#include <atomic>
#include <charconv>

#include <csignal>
#include <memory>

namespace fettle::cli {
namespace {

struct TuneArguments {
  ModelArguments model;
  std::string output;
  std::string budget = "60s";
  double tolerance = TuneOptions{}.tolerance;
  std::string records;
  std::string report;
  std::string start;
  bool json = false;
};

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

// The first Ctrl-C ends measuring and keeps what was learnt; a second one ends the program as usual.
void on_interrupt(int signal) {
  interrupted.store(true);
  std::signal(signal, SIG_DFL);
}

// "90", "90s", "1.5m", "1h".
Result<double> parse_budget(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || factor == 0 || !(number > 0) || number * factor > kMostSeconds) {
    return Error(ErrorCode::kInvalidArgument, "--budget " + text + " is not a time",
                 "write for example 60s, 5m or 1h");
  }
  return number * factor;
}

std::string summary(const TuneResult& result, const TuneArguments& arguments) {
  std::string text =
      fmt::format("default {:.1f} us ({:.1f} to {:.1f})\nplan    {:.1f} us ({:.1f} to {:.1f})\n",
                  result.default_us.median, result.default_us.low, result.default_us.high,
                  result.plan_us.median, result.plan_us.low, result.plan_us.high);
  if (result.default_kept) {
    text += "no choice beat the default beyond the noise: the plan keeps the default\n";
  } else {
    text +=
        fmt::format("plan / default {:.3f} (median of {} interleaved rounds)\n", result.ratio, result.rounds);
  }
  text += fmt::format("{} network passes in {:.1f} s{}; choice {} for the measured costs\n",
                      result.measurements, result.seconds, result.stopped ? ", stopped early" : "",
                      result.optimal ? "proved optimal" : "not proved optimal");
  const tuner::ReferenceShare reference = tuner::reference_time(result.layers);
  text += "in the plan " + reference.text("the time") + reference.names() + "\n";
  text += fmt::format("plan written to {}\n", arguments.output);
  if (!arguments.report.empty()) text += fmt::format("report written to {}\n", arguments.report);
  return text;
}

std::string as_json(const TuneResult& result) {
  const auto latency = [](const PlanLatency& us) {
    return Json{{"median", us.median}, {"low", us.low}, {"high", us.high}};
  };
  Json json;
  json["default_us"] = latency(result.default_us);
  json["plan_us"] = latency(result.plan_us);
  json["ratio"] = result.ratio;
  json["default_kept"] = result.default_kept;
  json["predicted_us"] = result.predicted_us;
  json["optimal"] = result.optimal;
  json["rounds"] = result.rounds;
  json["measurements"] = result.measurements;
  json["seconds"] = result.seconds;
  json["stopped"] = result.stopped;
  const tuner::ReferenceShare reference = tuner::reference_time(result.layers);
  json["reference_layers"] = reference.layers;
  json["reference_share"] = reference.share();
  json["on_reference_kernels"] = layers_json(reference);
  return json.dump(2) + "\n";
}

Result<TuneResult> run_tuner(const Model& model, const TuneArguments& arguments, const LoadOptions& load,
                             double budget_s, const Plan* start) {
  ProgressLine line;
  TuneOptions options;
  options.budget_s = budget_s;
  options.tolerance = arguments.tolerance;
  options.threads = std::max(1, arguments.model.threads);
  options.compile = load.compile;
  options.records_path = arguments.records;
  options.start = start;
  options.stop = &interrupted;
  options.progress = [&](const TuneProgress& progress) { line.show(progress); };
  return tune(model, options);
}

int tune_command(const TuneArguments& arguments) {
  // From here to the end of the process: whoever interrupts gets what is known by then, written whole.
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const Status outputs =
      check_outputs({{arguments.output}, {arguments.report}, {arguments.records, OutputMode::append}},
                    {arguments.model.model});
  if (!outputs) return fail(outputs.error());
  Result<double> budget_s = parse_budget(arguments.budget);
  if (!budget_s) return fail(budget_s.error());
  Result<LoadOptions> load = arguments.model.load_options();
  if (!load) return fail(load.error());
  Result<Model> model = load_model(arguments.model, load->model);
  if (!model) return fail(model.error());
  std::optional<Plan> start;
  if (!arguments.start.empty()) {
    Result<Plan> read = Plan::load(arguments.start);
    if (!read) return fail(read.error());
    start = *std::move(read);
  }
  Result<TuneResult> result = run_tuner(*model, arguments, *load, *budget_s, start ? &*start : nullptr);
  if (!result) return fail(result.error());
  if (Status status = result->plan.save(arguments.output); !status) return fail(status.error());
  if (!arguments.report.empty()) {
    if (Status status = write_file(arguments.report, tune_report_html(*model, *result)); !status)
      return fail(status.error());
  }
  print(arguments.json ? as_json(*result) : summary(*result, arguments));
  return kSuccess;
}

}  // namespace

void add_tune(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("tune", "Measure variants on this device and write a plan");
  auto arguments = std::make_shared<TuneArguments>();
  arguments->model.add_to(*command, false);
  command->add_option("-o,--output", arguments->output, "the plan file to write")
      ->required()
      ->check(file_name());
  command->add_option("--budget", arguments->budget, "time to spend, such as 60s, 5m, 1h")
      ->capture_default_str();
  command
      ->add_option("--tolerance", arguments->tolerance,
                   "how far outputs may be from the default's, of the largest output")
      ->capture_default_str()
      ->check(number_up_to(kMostTolerance));
  command->add_option("--records", arguments->records, "JSON-lines file of measurements, read and added to")
      ->check(file_name());
  command->add_option("--report", arguments->report, "write an HTML page that explains the choice")
      ->check(file_name());
  command->add_option("--start", arguments->start, "plan whose pinned layers and quantisation are kept")
      ->check(file_name());
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = tune_command(*arguments); });
}

}  // namespace fettle::cli
