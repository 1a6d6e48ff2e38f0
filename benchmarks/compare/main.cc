// SPDX-License-Identifier: Apache-2.0
//
// fettle_compare: Fettle's default, Fettle's plan, the BLAS baseline and ONNX Runtime on the same models, in
// one interleaved run, which may have quantised networks beside the same ones in floats. Checks first that
// all give the same outputs.
#include "benchmarks/baseline/blas_baseline.h"
#include "benchmarks/compare/layers.h"
#include "benchmarks/compare/table.h"
#include "benchmarks/contenders/difference.h"

#include <fettle/tuner.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

namespace fettle::benchmarks {
namespace {

constexpr double kTolerance = 1e-4;
#ifdef FETTLE_ONNXRUNTIME_LIBRARY
#define FETTLE_ONNXRUNTIME_INCLUDED 1
#else
#define FETTLE_ONNXRUNTIME_LIBRARY ""
#endif

struct Arguments {
  std::vector<std::string> models;
#ifdef FETTLE_ONNXRUNTIME_INCLUDED
  std::vector<std::string> contenders{"ort", "default", "plan"};
#else
  std::vector<std::string> contenders{"default", "plan"};
#endif
  std::vector<int> threads{1};
  RoundOptions rounds;
  std::string plan;
  std::string plans;
  double tune_budget = 20;
  std::string rival_library = FETTLE_ONNXRUNTIME_LIBRARY;
  std::string json;
  std::string markdown;
  std::string floats;
  double tolerance = kTolerance;
  std::string probe;
  bool layers = false;
};

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

bool takes_part(const Arguments& arguments, const char* name) {
  return std::find(arguments.contenders.begin(), arguments.contenders.end(), name) !=
         arguments.contenders.end();
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem(); }

// The plan to follow: the one given, or one made here and kept for the next time.
Result<std::string> plan_for(const Arguments& arguments, const std::string& path, int threads) {
  if (!arguments.plan.empty()) return arguments.plan;
  const std::string plan_path = fmt::format("{}/{}.{}.plan", arguments.plans, stem(path), threads);
  if (std::filesystem::exists(plan_path)) return plan_path;
  std::fprintf(stderr, "tuning %s for %d thread%s\n", path.c_str(), threads, threads == 1 ? "" : "s");
  Result<Model> model = Model::load(path);
  if (!model) return std::move(model).error();
  TuneOptions options;
  options.budget_s = arguments.tune_budget;
  options.threads = threads;
  Result<TuneResult> result = tune(*model, options);
  if (!result) return std::move(result).error();
  std::filesystem::create_directories(arguments.plans);
  if (Status status = result->plan.save(plan_path); !status) return std::move(status).error();
  return plan_path;
}

// A network in every contender, checked and ready to be timed.
struct Loaded {
  ModelResult result;
  std::vector<std::unique_ptr<Contender>> contenders;
};

Result<Loaded> load(const Arguments& arguments, const std::string& path, int threads, bool in_floats) {
  Task task{path, {}, arguments.rival_library, threads};
  if (takes_part(arguments, "plan")) {
    Result<std::string> plan = plan_for(arguments, path, threads);
    if (!plan) return std::move(plan).error();
    task.plan_path = *plan;
  }
  Result<Model> model = Model::load(path);
  if (!model) return std::move(model).error();
  Result<std::vector<Values>> inputs = random_inputs(*model);
  if (!inputs) return std::move(inputs).error();

  Loaded loaded{{stem(path), threads, {}, in_floats}, {}};
  std::vector<Values> wanted;
  for (const std::string& name : arguments.contenders) {
    Result<Probe> alone = probe(name, task);
    if (!alone) return std::move(alone).error();
    Result<std::unique_ptr<Contender>> contender = make_contender(name, task);
    if (!contender) return std::move(contender).error();
    if (Status status = (*contender)->set_inputs(*inputs); !status) return std::move(status).error();
    if (Status status = (*contender)->run(); !status) return std::move(status).error();
    const std::vector<Values> outputs = (*contender)->outputs();
    if (wanted.empty()) wanted = outputs;
    const double error = relative_error(outputs, wanted);
    if (!(error < (in_floats ? kTolerance : arguments.tolerance))) {
      return Error(ErrorCode::kKernelFailed,
                   fmt::format("{}: {} differs from {} by {:.2g} of the largest output", path, name,
                               arguments.contenders.front(), error));
    }
    loaded.result.entries.push_back({name, {}, (*contender)->footprint(), *alone, error});
    loaded.contenders.push_back(*std::move(contender));
  }
  return loaded;
}

// A model's result, and that of the same network in floats where there is a folder of those.
Result<std::vector<ModelResult>> compare_model(const Arguments& arguments, const std::string& path,
                                               int threads) {
  std::vector<Loaded> loaded;
  std::vector<std::string> paths{path};
  if (!arguments.floats.empty())
    paths.push_back(std::filesystem::path(arguments.floats) / (stem(path) + "_in_floats.onnx"));
  for (const std::string& file : paths) {
    Result<Loaded> next = load(arguments, file, threads, !loaded.empty());
    if (!next) return std::move(next).error();
    loaded.push_back(*std::move(next));
  }
  std::vector<Contender*> contenders;
  for (const Loaded& one : loaded) {
    for (const auto& contender : one.contenders) contenders.push_back(contender.get());
  }
  Result<std::vector<RoundTimes>> times = time_rounds(contenders, arguments.rounds);
  if (!times) return std::move(times).error();
  std::vector<ModelResult> results;
  auto next = times->begin();
  for (Loaded& one : loaded) {
    for (Entry& entry : one.result.entries) entry.rounds_us = *next++;
    results.push_back(std::move(one.result));
  }
  return results;
}

std::string machine() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  std::string name = "unknown CPU";
  while (std::getline(file, line)) {
    if (line.starts_with("model name")) name = line.substr(line.find(':') + 2);
  }
  return fmt::format("{}, {} cores usable, {}", name, std::thread::hardware_concurrency(),
                     isa_text(this_cpu().isa));
}

Status write(const std::string& path, const std::string& text) {
  if (path.empty()) return {};
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) return Error(ErrorCode::kFileUnwritable, path + " cannot be written");
  return {};
}

#ifdef FETTLE_ONNXRUNTIME_INCLUDED
int compare_layers(const Arguments& arguments) {
  for (const std::string& path : arguments.models) {
    Result<std::string> table =
        layer_table({path, arguments.plan, arguments.rival_library, arguments.threads.front()});
    if (!table) return fail(table.error());
    std::printf("**%s**, %d thread%s\n\n%s\n", stem(path).c_str(), arguments.threads.front(),
                arguments.threads.front() == 1 ? "" : "s", table->c_str());
  }
  return 0;
}
#endif

void tell(const ModelResult& result, const std::string& base) {
  std::fprintf(stderr, "%s, %d:", result.model.c_str(), result.threads);
  for (const Entry& entry : result.entries) {
    std::fprintf(stderr, "  %s %.2f ms (%.2f)", entry.contender.c_str(), median(entry.rounds_us) / 1000,
                 median(ratios(result, entry, base)));
  }
  std::fprintf(stderr, "\n");
}

int compare(const Arguments& arguments) {
  Comparison comparison;
  comparison.base = takes_part(arguments, "ort") ? "ort" : arguments.contenders.front();
  comparison.machine = machine();
  comparison.rounds = arguments.rounds.rounds;
  int status = 0;
  for (int threads : arguments.threads) {
    for (const std::string& model : arguments.models) {
      Result<std::vector<ModelResult>> results = compare_model(arguments, model, threads);
      if (!results) {  // said, and the others go on
        status = fail(results.error());
        continue;
      }
      for (ModelResult& result : *results) {
        tell(result, comparison.base);
        comparison.results.push_back(std::move(result));
      }
    }
  }
  std::printf("%s", markdown(comparison).c_str());
  if (Status written = write(arguments.markdown, markdown(comparison)); !written)
    return fail(written.error());
  if (Status written = write(arguments.json, json(comparison)); !written) return fail(written.error());
  return status;
}

}  // namespace
}  // namespace fettle::benchmarks

int main(int argc, char** argv) {
  using namespace fettle::benchmarks;
  Arguments arguments;
  CLI::App app("Compares runtimes on the same models, in interleaved rounds");
  app.add_option("models", arguments.models, "ONNX files")->required();
  app.add_option("--contenders", arguments.contenders, "of default, plan, blas, ort")->delimiter(',');
  app.add_option("--threads", arguments.threads, "numbers of threads, for instance 1,2")->delimiter(',');
  app.add_option("--rounds", arguments.rounds.rounds, "interleaved rounds")->check(CLI::Range(1, 1000));
  app.add_option("--turn", arguments.rounds.turn_seconds, "seconds of one contender's turn")
      ->check(CLI::PositiveNumber);
  app.add_option("--plan", arguments.plan, "the plan to follow (for one model)");
  app.add_option("--plans", arguments.plans, "folder of plans; missing ones are tuned and kept there");
  app.add_option("--tune-budget", arguments.tune_budget, "seconds to tune a missing plan");
  app.add_option("--onnxruntime", arguments.rival_library, "path of libonnxruntime.so");
  app.add_option("--json", arguments.json, "file for all numbers");
  app.add_option("--markdown", arguments.markdown, "file for the tables, which are printed too");
  app.add_option("--floats", arguments.floats,
                 "folder of NAME_in_floats.onnx, to be timed beside each model NAME.onnx");
  app.add_option("--tolerance", arguments.tolerance,
                 "greatest difference between contenders' outputs, relative to the largest output")
      ->check(CLI::PositiveNumber);
  app.add_option("--probe", arguments.probe, "load and run this contender alone, and print what it cost");
#ifdef FETTLE_ONNXRUNTIME_INCLUDED
  app.add_flag("--layers", arguments.layers, "layer by layer, beside ONNX Runtime's profile");
#endif
  CLI11_PARSE(app, argc, argv);

#ifdef FETTLE_ONNXRUNTIME_INCLUDED
  if (arguments.layers) return compare_layers(arguments);
#endif
  const bool blas = arguments.probe == "blas" || (arguments.probe.empty() && takes_part(arguments, "blas"));
  if (blas) {
    fettle::Result<std::string> core = open_blas();
    if (!core) return fail(core.error());
    if (arguments.probe.empty()) std::fprintf(stderr, "OpenBLAS with kernels for %s\n", core->c_str());
  }
  if (!arguments.probe.empty()) {
    return answer_probe(arguments.probe, {arguments.models.front(), arguments.plan, arguments.rival_library,
                                          arguments.threads.front()});
  }
  if (takes_part(arguments, "plan") && arguments.plan.empty() && arguments.plans.empty()) {
    std::fprintf(stderr, "the contender 'plan' needs --plan FILE or --plans FOLDER\n");
    return 2;
  }
  return compare(arguments);
}
