// SPDX-License-Identifier: Apache-2.0
//
// The device that this process runs on: programs and runtimes of the library, timed by their profiles.
#pragma once

#include "tuner/device.h"
#include "tuner/space.h"

#include <fettle/model.h>
#include <fettle/thread_pool.h>
#include <fettle/tuner.h>

#include <memory>

namespace fettle::tuner {

/// Measures here. All subjects share packed weights and one thread pool.
class RuntimeDevice final : public Device {
 public:
  /// Errors: kOutOfMemory when the pool's threads cannot be made.
  static Result<std::unique_ptr<RuntimeDevice>> create(const Model& model, const TuneOptions& options);

  Result<std::unique_ptr<Subject>> prepare(const Plan* plan, bool profile) override;
  double now_s() override;
  PlanDevice description() const override;
  std::size_t memory_limit() const override;
  std::string conditions() override;

  /// What the tuner needs to know of the model; `standard` is the default's program.
  Problem problem(const Program& standard) const;
  Result<Program> compile(const Plan* plan) const { return Program::compile(model_, plan, compile_); }

 private:
  RuntimeDevice(const Model& model, const TuneOptions& options);

  Model model_;
  CompileOptions compile_;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace fettle::tuner
