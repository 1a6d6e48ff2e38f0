// SPDX-License-Identifier: Apache-2.0
//
// What a Program holds. Shared and immutable once compiled.
#pragma once

#include "lib/runtime/schedule.h"

#include <fettle/program.h>

#include <memory>
#include <vector>

namespace fettle {

struct ProgramState {
  static const ProgramState& of(const Program& program) noexcept { return *program.state_; }
  static Program program_of(std::shared_ptr<const ProgramState> state) noexcept {
    return Program(std::move(state));
  }

  /// Kept alive under WeightPolicy::keep; running never looks at it.
  std::shared_ptr<const Model> model;
  runtime::Schedule schedule;
  std::shared_ptr<WeightStore> weights;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<StepInfo> steps;  ///< parallel to schedule.steps
  std::vector<ReportEntry> report;
  ArenaInfo arena;
  std::size_t weight_bytes = 0;
  int threads = 1;
  Isa isa = Isa::none;  ///< what the kernels of the steps need
  bool keep_subnormals = false;
  Plan effective;
};

}  // namespace fettle
