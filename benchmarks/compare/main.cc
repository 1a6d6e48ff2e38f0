// SPDX-License-Identifier: Apache-2.0
//
// fettle_compare: Fettle's default, Fettle's plan, and the rivals that this build has, on the same models, in
// one interleaved run, which may have quantised networks beside the same ones in floats. Checks first that
// all give the same outputs.
#include "benchmarks/baseline/blas_baseline.h"
#include "benchmarks/compare/layers.h"
#include "benchmarks/compare/measure.h"
#include "benchmarks/compare/store.h"
#include "benchmarks/compare/table.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

namespace fettle::benchmarks {
namespace {

#ifndef FETTLE_ONNXRUNTIME_LIBRARY
#define FETTLE_ONNXRUNTIME_LIBRARY ""
#endif

struct Arguments {
  MeasureOptions measure;
  std::vector<std::string> models;
  std::vector<int> threads{1};
  std::vector<std::string> apart;
  std::string json;
  std::string markdown;
  std::string probe;
  bool merge = false;
  bool layers = false;
};

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
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

int compare_layers(const Arguments& arguments) {
  for (const std::string& path : arguments.models) {
    for (int threads : arguments.threads) {
      Result<Task> task = task_for(arguments.measure, path, threads);
      if (!task) return fail(task.error());
      Result<std::string> table = layer_table(*task);
      if (!table) return fail(table.error());
      std::printf("**%s**, %d thread%s\n\n%s\n", stem(path).c_str(), threads, threads == 1 ? "" : "s",
                  table->c_str());
    }
  }
  return 0;
}

void tell(const ModelResult& result, const std::string& base) {
  std::fprintf(stderr, "%s, %d:", result.model.c_str(), result.threads);
  for (const Entry& entry : result.entries) {
    if (entry.rounds_us.empty())
      std::fprintf(stderr, "  %s none: %s", entry.contender.c_str(), entry.problem.c_str());
    else
      std::fprintf(stderr, "  %s %.2f ms (%.2f)", entry.contender.c_str(), median(entry.rounds_us) / 1000,
                   median(ratios(entry, *find(result, base))));
  }
  std::fprintf(stderr, "\n");
}

// What is known before anything is measured.
Result<Comparison> begin(const Arguments& arguments) {
  Comparison comparison;
  if (arguments.merge && std::filesystem::exists(arguments.json)) {
    Result<Comparison> before = read_comparison(arguments.json);
    if (!before) return before;
    comparison = *std::move(before);
  }
  comparison.base = arguments.measure.contenders.front();
  comparison.machine = machine();
  comparison.rounds = arguments.measure.rounds.rounds;
  comparison.apart.insert(arguments.apart.begin(), arguments.apart.end());
  return comparison;
}

int compare(const Arguments& arguments) {
  Result<Comparison> comparison = begin(arguments);
  if (!comparison) return fail(comparison.error());
  int status = 0;
  for (int threads : arguments.threads) {
    for (const std::string& model : arguments.models) {
      Result<std::vector<ModelResult>> results = measure(arguments.measure, model, threads);
      if (!results) {  // said, and the others go on
        status = fail(results.error());
        continue;
      }
      for (ModelResult& result : *results) {
        tell(result, comparison->base);
        comparison->put(std::move(result));
      }
      // After each network, so that an interrupted run can go on where it was.
      if (Status written = write(arguments.json, json(*comparison)); !written) return fail(written.error());
    }
  }
  std::printf("%s", markdown(*comparison).c_str());
  if (Status written = write(arguments.markdown, markdown(*comparison)); !written)
    return fail(written.error());
  return status;
}

void declare(CLI::App& app, Arguments& arguments) {
  MeasureOptions& measure = arguments.measure;
  std::string known;
  for (const std::string& name : contender_names()) known += " " + name;
  app.add_option("models", arguments.models, "ONNX files")->required();
  app.add_option("--contenders", measure.contenders, "all, or some of" + known + "; ratios are to the first")
      ->delimiter(',')
      ->check(CLI::IsMember(contender_names()));
  app.add_option("--threads", arguments.threads, "numbers of threads, for instance 1,2")->delimiter(',');
  app.add_option("--rounds", measure.rounds.rounds, "interleaved rounds")->check(CLI::Range(1, 1000));
  app.add_option("--turn", measure.rounds.turn_seconds, "seconds of one contender's turn")
      ->check(CLI::PositiveNumber);
  app.add_option("--plan", measure.plan, "the plan to follow (for one model)");
  app.add_option("--plans", measure.plans, "folder that plans are kept in");
  app.add_flag("--keep-plans", measure.keep_plans,
               "follow the plans that are in that folder; tune missing ones");
  app.add_option("--tune-budget", measure.tune_budget, "seconds to tune a plan");
  app.add_option("--onnxruntime", measure.rival_library, "path of libonnxruntime.so");
  app.add_option("--converted", measure.converted,
                 "folder of NAME.param and NAME.bin for ncnn and NAME.mnn for MNN (else: beside the model)");
  app.add_option("--apart", arguments.apart, "models that are shown, but in no mean")->delimiter(',');
  app.add_option("--json", arguments.json, "file for all numbers");
  app.add_flag("--merge", arguments.merge, "keep that file's results of other networks and threads");
  app.add_option("--markdown", arguments.markdown, "file for the tables, which are printed too");
  app.add_option("--floats", measure.floats,
                 "folder of NAME_in_floats.onnx, to be timed beside each model NAME.onnx");
  app.add_option("--tolerance", measure.tolerance,
                 "greatest difference between contenders' outputs, relative to the largest output")
      ->check(CLI::PositiveNumber);
  app.add_option("--probe", arguments.probe, "load and run this contender alone, and print what it cost");
  app.add_flag("--layers", arguments.layers, "layer by layer, beside ONNX Runtime's profile");
}

int run(const Arguments& arguments) {
  const MeasureOptions& measure = arguments.measure;
  const auto takes_part = [&](std::string_view contender) {
    return arguments.probe == contender || (arguments.probe.empty() && measure.takes_part(contender));
  };
  if (takes_part("blas") || takes_part("caffe")) {
    Result<std::string> core = open_blas();
    if (!core) return fail(core.error());
    if (arguments.probe.empty()) std::fprintf(stderr, "OpenBLAS with kernels for %s\n", core->c_str());
  }
  if (!arguments.probe.empty()) {
    return answer_probe(arguments.probe, {arguments.models.front(), measure.plan, measure.rival_library,
                                          arguments.threads.front(), measure.converted});
  }
  if (measure.takes_part("plan") && measure.plan.empty() && measure.plans.empty()) {
    std::fprintf(stderr, "the contender 'plan' needs --plan FILE or --plans FOLDER\n");
    return 2;
  }
  return arguments.layers ? compare_layers(arguments) : compare(arguments);
}

}  // namespace
}  // namespace fettle::benchmarks

int main(int argc, char** argv) {
  using namespace fettle::benchmarks;
  Arguments arguments;
  arguments.measure.contenders = contender_names();
  arguments.measure.rival_library = FETTLE_ONNXRUNTIME_LIBRARY;
  CLI::App app("Compares runtimes on the same models, in interleaved rounds");
  declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  return run(arguments);
}
