// SPDX-License-Identifier: Apache-2.0
//
// What a Runtime holds: the arena, the bound kernels, and the addresses they work on.
#pragma once

#include "lib/base/float_mode.h"
#include "lib/base/memory.h"
#include "lib/runtime/program_state.h"
#include "lib/runtime/same_mode_pool.h"
#include "lib/runtime/step_extents.h"

#include <fettle/runtime.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fettle {

struct RuntimeState {
  explicit RuntimeState(Program p) : program(std::move(p)) {}

  /// A step that does work, ready to run.
  struct BoundStep {
    std::size_t index = 0;  ///< of the step in the program
    std::unique_ptr<BoundKernel> kernel;
    FloatMode mode;                                 ///< in which it computes
    std::unique_ptr<runtime::StepExtents> extents;  ///< null for steps whose tensors have one shape
    std::vector<const std::byte*> conditions;       ///< where those of the step lie
  };
  /// The caller's memory for an input or output. `direct`: the steps work in it; otherwise it is copied
  /// before or after the run.
  struct Binding {
    std::byte* memory = nullptr;
    bool direct = false;
  };

  Program program;
  std::shared_ptr<ThreadPool> pool;
  std::optional<runtime::SameModePool> step_pool;  ///< what kernels see of it
  AlignedBuffer own_arena;
  std::span<std::byte> arena;
  std::vector<BoundStep> steps;
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
  std::vector<TensorInfo> output_infos;  ///< with the actual extents of bounded outputs
  std::vector<Shape> shapes;             ///< of each tensor, in the last run
  bool profiling = false;
  std::vector<StepTime> times;  ///< one for each step of the program
  /// Used by place() alone. Members, so that binding again does not allocate.
  std::vector<const void*> sources;
  std::vector<void*> targets;

  const runtime::Schedule& schedule() const { return ProgramState::of(program).schedule; }
  std::byte* address(runtime::TensorId id) const;
  /// Gives a step the addresses of its tensors.
  Status place(BoundStep& step);
  /// Gives new addresses to the steps that touch any tensor in the tree of `root`.
  Status place_users(runtime::TensorId root);
  /// Fills what a run starts from: constant outputs, and inputs that are bound but cannot be used in place.
  void prepare_run() noexcept;
  void copy_bound_outputs() noexcept;
  /// Takes over the extents that the run has found for bounded outputs.
  void update_extents() noexcept;
  /// Whether this is a run in which the step is wanted.
  bool is_wanted(const BoundStep& step) const noexcept;
  /// Runs one step, if it is wanted, for the extents that those before it have found.
  Status run_step(BoundStep& step) noexcept;
  Status run_steps() noexcept;
  Status run_steps_profiled() noexcept;
};

}  // namespace fettle
