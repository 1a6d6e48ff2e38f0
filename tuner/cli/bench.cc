// SPDX-License-Identifier: Apache-2.0
//
// fettle bench: how long a network, or one layer, takes here.
#include "tuner/cli/command.h"
#include "tuner/cli/layer_bench.h"

#include "tuner/cli/reference_json.h"
#include "tuner/reference_share.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace fettle::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostIterations = 100'000'000;  // each leaves a number in memory

// Of a network; a layer is measured with many kernels.
constexpr double kWarmupSeconds = 0.2;
constexpr double kDurationSeconds = 2;
constexpr double kLayerWarmupSeconds = 0.05;
constexpr double kLayerDurationSeconds = 0.2;

struct BenchArguments {
  ModelArguments model;
  std::string layer;
  std::string kernel;
  std::optional<double> warmup_s;
  std::optional<double> duration_s;
  int iterations = 0;
  bool json = false;
  bool profile = false;
  std::string trace;
};

struct Measured {
  double load_us = 0;
  std::vector<double> run_us;  ///< sorted
  Program program;
  tuner::ReferenceShare reference = {};
};

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void fill_inputs(Runtime& runtime) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    const TensorView view = runtime.input(i);
    std::uniform_real_distribution<float> real(-1, 1);
    for (float& value : view.values<float>()) value = real(random);
    if (view.type() == DataType::f32) continue;
    for (std::byte& byte : view.bytes()) byte = static_cast<std::byte>(random() & 1);
  }
}

long peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

std::string as_json(const BenchArguments& arguments, const Measured& measured) {
  Json json;
  json["model"] = arguments.model.model;
  json["plan"] = arguments.model.plan.empty() ? Json() : Json(arguments.model.plan);
  json["threads"] = measured.program.threads();
  json["iterations"] = measured.run_us.size();
  json["median_us"] = percentile(measured.run_us, 0.5);
  json["p90_us"] = percentile(measured.run_us, 0.9);
  json["p99_us"] = percentile(measured.run_us, 0.99);
  json["min_us"] = measured.run_us.front();
  json["max_us"] = measured.run_us.back();
  json["arena_bytes"] = measured.program.arena().bytes;
  json["weight_bytes"] = measured.program.weight_bytes();
  json["load_us"] = measured.load_us;
  json["peak_rss_bytes"] = peak_rss_bytes();
  json["fallbacks"] = measured.program.report().size();
  json["reference_layers"] = measured.reference.layers;
  json["reference_share"] = measured.reference.share();
  json["on_reference_kernels"] = layers_json(measured.reference);
  return json.dump(2) + "\n";
}

std::string as_text(const Measured& measured) {
  const std::vector<double>& us = measured.run_us;
  std::string text = fmt::format("{} runs, {} thread{}\n", us.size(), measured.program.threads(),
                                 measured.program.threads() == 1 ? "" : "s");
  auto out = std::back_inserter(text);
  fmt::format_to(out, "median {:.1f} us, p90 {:.1f}, p99 {:.1f}, min {:.1f}, max {:.1f}\n",
                 percentile(us, 0.5), percentile(us, 0.9), percentile(us, 0.99), us.front(), us.back());
  fmt::format_to(out, "load {:.0f} us, arena {} bytes, weights {} bytes, peak memory {} bytes\n",
                 measured.load_us, measured.program.arena().bytes, measured.program.weight_bytes(),
                 peak_rss_bytes());
  fmt::format_to(out, "{}{}\n", measured.reference.text("the time"), measured.reference.names());
  return text;
}

Status measure(Runtime& runtime, const BenchArguments& arguments, std::vector<double>& run_us) {
  const double duration_s = arguments.duration_s.value_or(kDurationSeconds);
  const auto warm = Clock::now();
  do {
    if (Status status = runtime.run(); !status) return status;
  } while (microseconds_since(warm) < arguments.warmup_s.value_or(kWarmupSeconds) * 1e6);
  const auto start = Clock::now();
  do {
    const auto before = Clock::now();
    if (Status status = runtime.run(); !status) return status;
    run_us.push_back(microseconds_since(before));
  } while (arguments.iterations > 0 ? run_us.size() < static_cast<std::size_t>(arguments.iterations)
                                    : microseconds_since(start) < duration_s * 1e6);
  std::sort(run_us.begin(), run_us.end());
  return {};
}

// CLI11's own check for positive numbers answers with the range of doubles.
CLI::Validator number_of_runs() {
  return CLI::Validator(
      [](const std::string& text) {
        int runs = 0;
        const char* const end = text.data() + text.size();
        const auto [next, error] = std::from_chars(text.data(), end, runs);
        const bool good = error == std::errc() && next == end && runs >= 1 && runs <= kMostIterations;
        return good ? std::string()
                    : text + " is not a whole number of 1 or more; without it --duration counts";
      },
      "RUNS >= 1");
}

// The share of the reference kernels, from runs after the measurement: as few as tell, since they may be
// slow, and more only where a profile is wanted.
Status profile(Runtime& runtime, const BenchArguments& arguments, Measured& measured) {
  const bool wanted = arguments.profile || !arguments.trace.empty();
  measured.reference = tuner::reference_work(runtime.program().steps());
  if (!wanted && measured.reference.layers == 0) return {};
  const std::size_t runs = std::clamp<std::size_t>(measured.run_us.size(), 1, wanted ? 100 : 3);
  runtime.set_profiling(true);
  for (std::size_t i = 0; i < runs; ++i) {
    if (Status status = runtime.run(); !status) return status;
  }
  measured.reference = tuner::reference_time(runtime.program().steps(), runtime.profile());
  return {};
}

int bench_one_layer(const BenchArguments& arguments) {
  const Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  return bench_layer({arguments.layer, arguments.kernel, std::max(1, arguments.model.threads),
                      arguments.warmup_s.value_or(kLayerWarmupSeconds),
                      arguments.duration_s.value_or(kLayerDurationSeconds), arguments.iterations,
                      options->compile.nonfinite, arguments.json});
}

int bench(const BenchArguments& arguments) {
  const Status outputs = check_outputs({{arguments.trace}}, {arguments.model.model, arguments.model.plan});
  if (!outputs) return fail(outputs.error());
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  const auto start = Clock::now();
  Result<Loaded> loaded = load(arguments.model, *options);
  if (!loaded) return fail(loaded.error());
  Result<Runtime> runtime = Runtime::create(loaded->program, options->runtime);
  if (!runtime) return fail(runtime.error());
  Measured measured{microseconds_since(start), {}, loaded->program};
  print_report(loaded->program.report());
  fill_inputs(*runtime);
  if (Status status = measure(*runtime, arguments, measured.run_us); !status) return fail(status.error());
  if (Status status = profile(*runtime, arguments, measured); !status) return fail(status.error());
  print(arguments.json ? as_json(arguments, measured) : as_text(measured));
  if (arguments.profile) print(runtime->profile_table());
  if (!arguments.trace.empty()) {
    if (Status status = write_file(arguments.trace, runtime->profile_trace()); !status)
      return fail(status.error());
  }
  return kSuccess;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "bench", "Measure a network's latency, memory and load time, or the kernels of one layer");
  auto arguments = std::make_shared<BenchArguments>();
  arguments->model.add_to(*command);
  command->add_option("--warmup", arguments->warmup_s, "seconds of warm-up")
      ->check(number_up_to(kMostSeconds));
  command->add_option("--duration", arguments->duration_s, "seconds to measure")
      ->check(number_up_to(kMostSeconds));
  command->add_option("--iterations", arguments->iterations, "runs to measure, instead of --duration")
      ->check(number_of_runs());
  CLI::Option* json = command->add_flag("--json", arguments->json, "print JSON");
  command->add_flag("--profile", arguments->profile, "print each layer's time after the measurement")
      ->excludes(json);  // its table is no JSON
  command->add_option("--trace", arguments->trace, "write the profile of one run as Chrome trace events")
      ->check(file_name());
  CLI::Option* layer = command->add_option("--layer", arguments->layer,
                                           "measure this layer, as `fettle inspect` prints it, instead");
  command->add_option("--kernel", arguments->kernel, "measure the layer with this kernel alone")
      ->needs(layer);
  for (const char* name :
       {"model", "--plan", "--shape", "--bind", "--keep-subnormals", "--profile", "--trace"})
    layer->excludes(command->get_option(name));
  // One of both is needed, which CLI11 would only say of two names that it makes up.
  CLI::Option* model = command->get_option("model")->required(false);
  command->callback([=, &exit_code] {
    if (model->empty() && layer->empty()) throw CLI::RequiredError("model or --layer");
    exit_code = layer->empty() ? bench(*arguments) : bench_one_layer(*arguments);
  });
}

}  // namespace fettle::cli
