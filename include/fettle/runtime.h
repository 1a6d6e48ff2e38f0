// SPDX-License-Identifier: Apache-2.0
//
// A runtime: a program with its own arena and bound kernels, ready to run. Runtime::load makes model, program
// and runtime.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/program.h>
#include <fettle/tensor.h>
#include <fettle/thread_pool.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

// The library's own affair.
struct RuntimeState;

struct RuntimeOptions {
  /// Null: a pool of Fettle's own when the program uses more than one thread.
  std::shared_ptr<ThreadPool> pool;
  /// The arena; empty: allocated. At least Program::arena().bytes, 64-byte aligned; must outlive the runtime.
  /// Runtimes that never run at the same time may share it: then inputs and outputs last until another is
  /// made or runs.
  std::span<std::byte> memory;
  bool profile = false;  ///< time every step of every run (a clock read per step)
};

/// Everything that Runtime::load can be told.
struct LoadOptions {
  ModelOptions model;
  CompileOptions compile;
  RuntimeOptions runtime;
};

/// The times of one step over the runs since the last reset.
struct StepTime {
  std::uint64_t runs = 0;
  std::uint64_t last_ns = 0;
  std::uint64_t min_ns = 0;
  std::uint64_t total_ns = 0;
  std::uint64_t start_ns = 0;  ///< of the last run, from that run's start
};

/// Not thread-safe itself: one thread at a time. Several runtimes of one program run in parallel.
class Runtime {
 public:
  /// Reads a model and, unless `plan_path` is empty, a plan; compiles and binds. Errors: those of
  /// Model::load, Plan::load, Program::compile and Runtime::create.
  FETTLE_API static Result<Runtime> load(const std::string& model_path, const std::string& plan_path = {},
                                         const LoadOptions& options = {});
  /// Makes one more runtime of a program. Errors: kWrongSize and kInvalidArgument (memory too small or
  /// misaligned), kOutOfMemory, kIsaMissing (the program was compiled for another CPU), kKernelFailed.
  FETTLE_API static Result<Runtime> create(const Program& program, const RuntimeOptions& options = {});

  FETTLE_API Runtime(Runtime&&) noexcept;
  FETTLE_API Runtime& operator=(Runtime&&) noexcept;
  FETTLE_API ~Runtime();

  FETTLE_API std::size_t input_count() const noexcept;
  FETTLE_API std::size_t output_count() const noexcept;
  /// By position; the index must be below the count.
  FETTLE_API TensorView input(std::size_t index) noexcept;
  FETTLE_API TensorView output(std::size_t index) noexcept;
  /// By name. Errors: kUnknownName, listing the names there are.
  FETTLE_API Result<TensorView> input(std::string_view name);
  FETTLE_API Result<TensorView> output(std::string_view name);

  /// Uses the caller's memory for an input or output from now on; no copy at run time where the layers beside
  /// it can use it as it is, else one copy. Exactly info().bytes bytes, aligned to the element; must outlive
  /// the binding. Reading past the end is never done. Not in a running `run`. Errors: kWrongSize,
  /// kInvalidArgument (index, alignment).
  FETTLE_API Status bind_input(std::size_t index, std::span<const std::byte> memory);
  FETTLE_API Status bind_output(std::size_t index, std::span<std::byte> memory);

  /// Runs the network once. Does not allocate, log or do I/O; waits at fork-join barriers alone. Inputs keep
  /// their contents. Rounding, traps and the treatment of subnormal numbers that a thread is set to make no
  /// difference, and are the same afterwards. Errors: kWrongShape where extents that depend on the data
  /// (TensorInfo::bounded) do not fit each other or exceed their bounds, which names the layer, and is all
  /// that allocates; the next run starts afresh. kKernelFailed.
  FETTLE_API Status run() noexcept;

  FETTLE_API const Program& program() const noexcept;
  /// What fell back, and why.
  std::span<const ReportEntry> report() const noexcept { return program().report(); }

  /// Turns the profile on or off and clears it.
  FETTLE_API void set_profiling(bool on) noexcept;
  /// One entry for each of program().steps(); zeros unless profiling.
  FETTLE_API std::span<const StepTime> profile() const noexcept;
  /// The profile as a table for people, slowest share visible. This and the next are empty when out of
  /// memory.
  FETTLE_API std::string profile_table() const;
  /// The last run as Chrome trace events (JSON), for chrome://tracing and Perfetto.
  FETTLE_API std::string profile_trace() const;

  /// Runs and gives each step's inputs and outputs to `visit` after it has run, unless a computed condition
  /// has left it out; for verification and calibration. Allocates.
  using StepVisitor = std::function<void(std::size_t step, std::span<const void* const> inputs,
                                         std::span<void* const> outputs)>;
  FETTLE_API Status run_visiting(const StepVisitor& visit);
  /// The layer of one of program().steps() with the last run's extents in place of bounds. Allocates.
  FETTLE_API LayerDesc actual_layer(std::size_t step) const;

 private:
  explicit Runtime(std::unique_ptr<RuntimeState> state) noexcept;
  std::unique_ptr<RuntimeState> state_;
};

}  // namespace fettle
