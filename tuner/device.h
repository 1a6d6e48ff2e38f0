// SPDX-License-Identifier: Apache-2.0
//
// What the tuner measures on. Behind an interface, so that all of its logic can be tested on a simulated
// device.
#pragma once

#include <fettle/error.h>
#include <fettle/plan.h>
#include <fettle/program.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fettle::tuner {

/// A network compiled under one plan, ready to run.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::span<const StepInfo> steps() const = 0;
  /// The plan with everything written out.
  virtual Plan effective_plan() const = 0;
  virtual std::size_t arena_bytes() const = 0;
  /// Memory held: arena and packed weights.
  virtual std::size_t bytes() const = 0;
  /// Runs the network once; gives the wall time in microseconds and, unless null, the time of each step.
  virtual Result<double> run(std::vector<double>* step_us) = 0;
  /// Runs on the same pseudo-random inputs as every other subject and gives the outputs.
  virtual Result<std::vector<std::vector<float>>> outputs() = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  /// Compiles; null: the default. `profile`: time the steps.
  virtual Result<std::unique_ptr<Subject>> prepare(const Plan* plan, bool profile) = 0;
  /// Seconds on a monotonic clock.
  virtual double now_s() = 0;
  /// Names the device in records: equal where measurements are comparable.
  virtual PlanDevice description() const = 0;
  /// How much memory subjects may hold at once.
  virtual std::size_t memory_limit() const = 0;
  /// Frequency and temperature in words, where the system tells; empty elsewhere.
  virtual std::string conditions() = 0;
};

}  // namespace fettle::tuner
