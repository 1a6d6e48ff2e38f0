// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/run_model.h"

#include "lib/graph/estimates.h"
#include "lib/graph/passes.h"
#include "tests/fuzz/target.h"

#include <fettle/runtime.h>

namespace fettle::fuzz {
namespace {

// Above these a network is left alone: it is legal, and takes what it says.
constexpr double kMostOperations = 3e5;
constexpr std::size_t kMostBytes = std::size_t{32} << 20;

// Errors that a model may lead to; the others are mistakes of the library.
void require_refusal(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kModelUnsupported:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kLimitExceeded:
      return;
    default:
      fail(error.text());
  }
}

// Numbers of both signs for floats, small ones for integers: an index should sometimes hit.
void fill(const TensorView& input) {
  std::uint32_t seed = 1;
  const auto next = [&] { return (seed = seed * 1664525u + 1013904223u) >> 8; };
  for (float& value : input.values<float>()) value = static_cast<float>(next()) / (1 << 22) - 2.0f;
  for (std::int64_t& value : input.values<std::int64_t>()) value = next() % 8;
  for (std::int32_t& value : input.values<std::int32_t>()) value = static_cast<std::int32_t>(next() % 8);
  for (std::uint8_t& value : input.values<std::uint8_t>()) value = static_cast<std::uint8_t>(next());
  if (input.type() == DataType::boolean) {
    for (std::byte& value : input.bytes()) value = static_cast<std::byte>(next() % 2);
  }
}

void run(const Program& program, bool quick) {
  RuntimeOptions options;
  Result<Runtime> runtime = Runtime::create(program, options);
  if (!runtime) return require_refusal(runtime.error());
  if (!quick) return;
  for (std::size_t i = 0; i < runtime->input_count(); ++i) fill(runtime->input(i));
  require_ok(runtime->run(), "a compiled network does not run");
  require_ok(runtime->run(), "a network does not run twice");
}

}  // namespace

void compile_and_run(const Model& model) {
  double operations = 0;
  for (const LayerInfo& layer : model.layers()) operations += graph::count_operations(layer.desc);
  const Result<Program> program = Program::compile(model);
  if (!program) return require_refusal(program.error());
  require(program->report().empty(), "the defaults have something to report");
  if (program->arena().bytes > kMostBytes) return;
  run(*program, operations <= kMostOperations);

  const Plan plan = program->effective_plan();
  const Result<Program> planned = Program::compile(model, &plan);
  require_ok(planned, "a program's own plan does not compile");
  for (const ReportEntry& entry : planned->report())
    fail("a program's own plan cannot be followed: " + entry.layer + ": " + entry.what);
  require(planned->arena().bytes == program->arena().bytes, "a program's own plan needs another arena");
  const std::string text = plan.json();
  require_ok(Plan::parse(text), "a program's own plan cannot be read back");
}

}  // namespace fettle::fuzz
