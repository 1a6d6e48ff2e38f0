// SPDX-License-Identifier: Apache-2.0
//
// An application that tunes itself: at its first start on a device it measures for some seconds and keeps the
// plan; later starts load it. A plan that no longer fits (another network, another version of Fettle) is made
// again.
//
//   fettle_example_tune_on_device MODEL PLAN [SECONDS]
#include <fettle/fettle.h>
#include <fettle/tuner.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

namespace {

// A plan that this model and this device follow in every layer; nothing otherwise.
std::optional<fettle::Program> load_planned(const fettle::Model& model, const char* path) {
  auto plan = fettle::Plan::load(path);
  if (!plan) {
    std::printf("no usable plan: %s\n", plan.error().message().c_str());
    return std::nullopt;
  }
  auto program = fettle::Program::compile(model, &*plan);
  if (!program) {
    std::printf("the plan does not fit: %s\n", program.error().message().c_str());
    return std::nullopt;
  }
  if (!program->report().empty()) {
    std::printf("the plan fits in part: %s\n", program->report().front().what.c_str());
    return std::nullopt;
  }
  return *std::move(program);
}

fettle::Result<fettle::Program> tune_and_keep(const fettle::Model& model, const char* path, double seconds) {
  fettle::TuneOptions options;
  options.budget_s = seconds;
  auto tuned = fettle::tune(model, options);
  if (!tuned) return std::move(tuned).error();
  std::printf("tuned in %.1f s: %.1f us, the default %.1f us\n", tuned->seconds, tuned->plan_us.median,
              tuned->default_us.median);
  if (auto status = tuned->plan.save(path); !status) return std::move(status).error();
  return fettle::Program::compile(model, &tuned->plan);
}

int fail(const fettle::Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MODEL PLAN [SECONDS]\n", argv[0]);
    return 2;
  }
  auto model = fettle::Model::load(argv[1]);
  if (!model) return fail(model.error());
  std::optional<fettle::Program> program = load_planned(*model, argv[2]);
  if (!program) {
    auto tuned = tune_and_keep(*model, argv[2], argc > 3 ? std::atof(argv[3]) : 10);
    if (!tuned) return fail(tuned.error());
    program = *std::move(tuned);
  }
  auto runtime = fettle::Runtime::create(*program);
  if (!runtime) return fail(runtime.error());
  if (auto status = runtime->run(); !status) return fail(status.error());
  std::printf("running with the plan in %s: %zu steps, %zu bytes of arena\n", argv[2],
              program->steps().size(), program->arena().bytes);
  return 0;
}
