// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/measure.h"

#include "benchmarks/contenders/difference.h"

#include <fettle/tuner.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace fettle::benchmarks {
namespace {

// Enough to see that a rival computes the same network, however it rounds.
constexpr double kRivalTolerance = 1e-2;
// A network in floats, where nothing is rounded to 8 bits.
constexpr double kTolerance = 1e-4;

// A network is sensitive where ONNX Runtime differs from itself. Others may then differ as much, and a few
// times more, because they round in other places than either of the two.
constexpr double kSensitive = 4;

Status tune_plan(const MeasureOptions& options, const Model& model, int threads, const std::string& path) {
  std::fprintf(stderr, "tuning %s for %d thread%s\n", model.name().c_str(), threads, threads == 1 ? "" : "s");
  TuneOptions tuning;
  tuning.budget_s = options.tune_budget;
  tuning.threads = threads;
  Result<TuneResult> result = tune(model, tuning);
  if (!result) return std::move(result).error();
  std::error_code failed;
  std::filesystem::create_directories(options.plans, failed);  // saving says what is wrong
  return result->plan.save(path);
}

// A network in every contender; null for those that do not run it.
struct Loaded {
  ModelResult result;
  std::vector<std::unique_ptr<Contender>> contenders;
};

// Loads the network, alone in a process first: what crashes there does not take part here.
Result<std::unique_ptr<Contender>> load_contender(const Task& task, const std::vector<Values>& inputs,
                                                  Entry& entry) {
  Result<Probe> alone = probe(entry.contender, task);
  if (!alone) return std::move(alone).error();
  entry.probe = *alone;
  Result<std::unique_ptr<Contender>> contender = make_contender(entry.contender, task);
  if (!contender) return contender;
  if (Status status = (*contender)->set_inputs(inputs); !status) return std::move(status).error();
  if (Status status = (*contender)->run(); !status) return std::move(status).error();
  entry.footprint = (*contender)->footprint();
  return contender;
}

// How far apart the outputs of ONNX Runtime are with and without its own optimisations: how sensitive a
// network is to the order of sums, with these inputs. 0 where that cannot be said.
double rounding_spread(Task task, const std::vector<Values>& inputs, const std::vector<Values>& wanted) {
  task.optimised = false;
  Result<std::unique_ptr<Contender>> plain = make_contender("ort", task);
  if (!plain || !(*plain)->set_inputs(inputs) || !(*plain)->run()) return 0;
  return relative_error((*plain)->outputs(), wanted);
}

// The same, checked against the outputs of the first contender, which sets them.
Result<std::unique_ptr<Contender>> prepare(const Task& task, const std::vector<Values>& inputs,
                                           std::vector<Values>& wanted, double tolerance, Entry& entry) {
  Result<std::unique_ptr<Contender>> contender = load_contender(task, inputs, entry);
  if (!contender) return contender;
  const std::vector<Values> outputs = (*contender)->outputs();
  if (wanted.empty()) wanted = outputs;
  entry.error = relative_error(outputs, wanted);
  if (!is_own(entry.contender)) tolerance = std::max(tolerance, kRivalTolerance);
  if (entry.error < tolerance) return contender;
  const double spread = rounding_spread(task, inputs, wanted);
  if (entry.error < kSensitive * spread) return contender;
  return Error(
      ErrorCode::kKernelFailed,
      fmt::format("outputs differ by {:.2g} of the largest output (ONNX Runtime with and without its "
                  "optimisations by {:.2g})",
                  entry.error, spread));
}

Result<Loaded> load(const MeasureOptions& options, const std::string& path, int threads, bool in_floats) {
  Result<Task> task = task_for(options, path, threads);
  if (!task) return std::move(task).error();
  Result<Model> model = Model::load(path);
  if (!model) return std::move(model).error();
  Result<std::vector<Values>> inputs = random_inputs(*model);
  if (!inputs) return std::move(inputs).error();

  Loaded loaded{{stem(path), threads, {}, in_floats}, {}};
  std::vector<Values> wanted;
  for (const std::string& name : options.contenders) {
    Entry entry;
    entry.contender = name;
    Result<std::unique_ptr<Contender>> contender =
        prepare(*task, *inputs, wanted, in_floats ? kTolerance : options.tolerance, entry);
    if (!contender) {
      if (is_own(name) || name == options.contenders.front())
        return Error(contender.error().code(), path + ", " + name + ": " + contender.error().message(),
                     contender.error().hint());
      entry.problem = contender.error().message();
    }
    loaded.result.entries.push_back(std::move(entry));
    loaded.contenders.push_back(contender ? *std::move(contender) : nullptr);
  }
  return loaded;
}

}  // namespace

bool MeasureOptions::takes_part(std::string_view contender) const {
  return std::find(contenders.begin(), contenders.end(), contender) != contenders.end();
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem(); }

Result<Task> task_for(const MeasureOptions& options, const std::string& path, int threads) {
  Result<Model> model = Model::load(path);
  if (!model) return std::move(model).error();
  Task task{path, options.plan, options.rival_library, threads, options.converted, {}, {}};
  task.inputs.assign(model->inputs().begin(), model->inputs().end());
  task.outputs.assign(model->outputs().begin(), model->outputs().end());
  if (!options.takes_part("plan") || !options.plan.empty()) return task;
  task.plan_path = fmt::format("{}/{}.{}.plan", options.plans, stem(path), threads);
  if (options.keep_plans && std::filesystem::exists(task.plan_path)) return task;
  if (Status status = tune_plan(options, *model, threads, task.plan_path); !status)
    return std::move(status).error();
  return task;
}

Result<std::vector<ModelResult>> measure(const MeasureOptions& options, const std::string& path,
                                         int threads) {
  std::vector<Loaded> loaded;
  std::vector<std::string> paths{path};
  if (!options.floats.empty())
    paths.push_back(std::filesystem::path(options.floats) / (stem(path) + "_in_floats.onnx"));
  for (const std::string& file : paths) {
    Result<Loaded> next = load(options, file, threads, !loaded.empty());
    if (!next) return std::move(next).error();
    loaded.push_back(*std::move(next));
  }
  std::vector<Contender*> present;
  std::vector<Entry*> entries;
  for (Loaded& one : loaded) {
    for (std::size_t i = 0; i < one.contenders.size(); ++i) {
      if (one.contenders[i] == nullptr) continue;
      present.push_back(one.contenders[i].get());
      entries.push_back(&one.result.entries[i]);
    }
  }
  Result<std::vector<RoundTimes>> times = time_rounds(present, options.rounds);
  if (!times) return std::move(times).error();
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i]->rounds_us = std::move((*times)[i]);
  std::vector<ModelResult> results;
  for (Loaded& one : loaded) results.push_back(std::move(one.result));
  return results;
}

}  // namespace fettle::benchmarks
