// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/run.h"

#include "tuner/phases/tolerance_phase.h"
#include "tuner/settings.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::tuner {
namespace {

Limits limits_of(TuningRun& run) {
  Limits limits;
  limits.device = &run.device;
  limits.stopped = [&run] { return run.stopped(); };
  limits.progress = [&run] {
    if (run.progress.due(run.device.now_s())) run.tell();
  };
  return limits;
}

}  // namespace

TuningRun::TuningRun(const Problem& problem, Device& tuned_device, const TuneOptions& tune_options)
    : device(tuned_device),
      options(tune_options),
      space(build_space(problem, options.start)),
      table(space),
      tolerance(allowed_difference(problem, options.tolerance)),
      start_s(device.now_s()),
      progress(options, start_s),
      limits(limits_of(*this)),
      explorer(space, limits, table) {}

Status TuningRun::prepare_standard() {
  const bool pinned = std::any_of(space.layers.begin(), space.layers.end(),
                                  [](const SpaceLayer& layer) { return layer.pinned; });
  const Plan base = plan_of(space, base_choice(space));
  Result<std::unique_ptr<Subject>> prepared = device.prepare(pinned ? &base : nullptr, false);
  if (!prepared) return std::move(prepared).error();
  standard = *std::move(prepared);
  return {};
}

void TuningRun::enter(const char* phase) {
  progress.enter(phase);
  tell();
}

void TuningRun::tell() {
  TuneProgress now;
  now.measurements = measurements();
  now.default_us = default_pass_us();
  now.best_us = best_us > 0 ? best_us : now.default_us;
  progress.tell(std::move(now), device.now_s());
}

std::string percent_text(double ratio) {
  const long tenths = std::lround(ratio * 1000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

}  // namespace fettle::tuner
