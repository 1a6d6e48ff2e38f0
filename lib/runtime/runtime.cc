// SPDX-License-Identifier: Apache-2.0
//
// Running a program: binding kernels to addresses, and the loop over steps.
#include "lib/base/guard.h"
#include "lib/runtime/runtime_state.h"
#include "lib/runtime/subnormals.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace fettle {

using runtime::ConstantOutput;
using runtime::kNoTensor;
using runtime::Role;
using runtime::Schedule;
using runtime::Step;
using runtime::Tensor;
using runtime::TensorId;

namespace {

std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

// Bytes that steps may read past the end of a root's dense tensor: a caller's own memory must not be used
// then.
bool is_overread(const Schedule& schedule, TensorId root) {
  const TensorDesc& desc = schedule.tensor(root).desc;
  return schedule.tensor(root).bytes > dense_bytes(desc.shape, desc.format);
}

Result<TensorView> view_by_name(std::span<const TensorInfo> infos, std::string_view name,
                                std::string_view kind, TensorView (Runtime::*view)(std::size_t) noexcept,
                                Runtime& runtime) {
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) return (runtime.*view)(i);
  }
  return guard_allocation([&]() -> Result<TensorView> {
    std::string names;
    for (const TensorInfo& info : infos) names.append(names.empty() ? "" : ", ").append(info.name);
    return Error(ErrorCode::kUnknownName, "no " + std::string(kind) + " is named " + std::string(name),
                 "there are: " + names);
  });
}

}  // namespace

std::byte* RuntimeState::address(TensorId id) const {
  const TensorId root = schedule().root_of(id);
  const Tensor& tensor = schedule().tensor(root);
  std::byte* base = arena.data() + tensor.offset;
  const auto index = static_cast<std::size_t>(tensor.role_index);
  if (tensor.role == Role::input && inputs[index].direct) base = inputs[index].memory;
  if (tensor.role == Role::output && outputs[index].direct) base = outputs[index].memory;
  return base + schedule().offset_in_root(id);
}

Status RuntimeState::place(BoundStep& bound) {
  const Step& step = schedule().steps[bound.index];
  sources.assign(step.inputs.size(), nullptr);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (step.inputs[i] != kNoTensor) {
      sources[i] = address(step.inputs[i]);
    } else if (i < step.constant_blobs.size() && step.constant_blobs[i]) {
      sources[i] = step.constant_blobs[i]->bytes.data();
    }
  }
  targets.clear();
  for (TensorId id : step.outputs) targets.push_back(address(id));
  void* workspace = step.workspace_bytes == 0 ? nullptr : arena.data() + step.workspace_offset;
  bound.conditions.clear();
  for (const runtime::Condition& condition : step.conditions)
    bound.conditions.push_back(address(condition.tensor));
  if (bound.extents) bound.extents->set_buffers(sources, targets);
  return bound.kernel->set_buffers(sources, targets, workspace);
}

Status RuntimeState::place_users(TensorId root) {
  for (BoundStep& bound : steps) {
    const Step& step = schedule().steps[bound.index];
    const auto touches = [&](TensorId id) { return id != kNoTensor && schedule().root_of(id) == root; };
    const auto reads = [&](const runtime::Condition& condition) { return touches(condition.tensor); };
    if (std::any_of(step.inputs.begin(), step.inputs.end(), touches) ||
        std::any_of(step.conditions.begin(), step.conditions.end(), reads) ||
        std::any_of(step.outputs.begin(), step.outputs.end(), touches)) {
      if (Status status = place(bound); !status) return status;
    }
  }
  return {};
}

void RuntimeState::prepare_run() noexcept {
  // Every time: runtimes that never run together may share an arena, and then nothing in it lasts.
  for (const ConstantOutput& output : schedule().constant_outputs) {
    const std::span<const std::byte> bytes = output.bytes->bytes;
    std::byte* target = address(schedule().outputs[static_cast<std::size_t>(output.index)]);
    std::copy(bytes.begin(), bytes.end(), target);
  }

  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].memory == nullptr || inputs[i].direct || program.inputs()[i].bytes == 0) continue;
    std::memcpy(address(schedule().inputs[i]), inputs[i].memory, program.inputs()[i].bytes);
  }
}

void RuntimeState::copy_bound_outputs() noexcept {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].memory == nullptr || outputs[i].direct || program.outputs()[i].bytes == 0) continue;
    std::memcpy(outputs[i].memory, address(schedule().outputs[i]), program.outputs()[i].bytes);
  }
}

bool RuntimeState::is_wanted(const BoundStep& step) const noexcept {
  for (std::size_t i = 0; i < step.conditions.size(); ++i) {
    const bool holds = *step.conditions[i] != std::byte{0};
    if (holds != schedule().steps[step.index].conditions[i].holds) return false;
  }
  return true;
}

Status RuntimeState::run_step(BoundStep& step) noexcept {
  if (!is_wanted(step)) return {};
  if (!step.extents) return step.kernel->run();
  const Step& described = schedule().steps[step.index];
  if (Status status = step.extents->follow(schedule(), described, shapes, *step.kernel); !status)
    return status;
  if (step.extents->empty()) return {};
  if (Status status = step.kernel->run(); !status) return status;
  return step.extents->take_found(described, shapes);
}

// The mode is set for as many steps as share it, so that a network of small layers pays next to nothing.
Status RuntimeState::run_steps() noexcept {
  FloatScope scope;
  for (BoundStep& step : steps) {
    scope.set(step.mode);
    if (Status status = run_step(step); !status) return status;
  }
  return {};
}

Status RuntimeState::run_steps_profiled() noexcept {
  const std::uint64_t start = now_ns();
  std::uint64_t before = start;
  FloatScope scope;
  for (BoundStep& step : steps) {
    scope.set(step.mode);
    if (Status status = run_step(step); !status) return status;
    const std::uint64_t after = now_ns();
    StepTime& time = times[step.index];
    time.last_ns = after - before;
    time.start_ns = before - start;
    time.min_ns = time.runs == 0 ? time.last_ns : std::min(time.min_ns, time.last_ns);
    time.total_ns += time.last_ns;
    ++time.runs;
    before = after;
  }
  return {};
}

namespace {

Status provide_arena(RuntimeState& state, const RuntimeOptions& options) {
  const std::size_t bytes = state.program.arena().bytes;
  if (options.memory.empty()) {
    Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes);
    if (!buffer) return std::move(buffer).error();
    state.own_arena = *std::move(buffer);
    state.arena = state.own_arena.bytes();
    return {};
  }
  if (options.memory.size() < bytes) {
    return Error(ErrorCode::kWrongSize,
                 "the memory supplied for the arena has " + std::to_string(options.memory.size()) +
                     " bytes, the program needs " + std::to_string(bytes),
                 "Program::arena().bytes says how many");
  }
  if (reinterpret_cast<std::uintptr_t>(options.memory.data()) % runtime::kArenaAlignment != 0) {
    return Error(ErrorCode::kInvalidArgument, "the memory supplied for the arena is not aligned to 64 bytes");
  }
  state.arena = options.memory.first(bytes);
  return {};
}

Status provide_pool(RuntimeState& state, const RuntimeOptions& options) {
  state.pool = options.pool;
  if (!state.pool && state.program.threads() > 1) {
    ThreadPoolOptions pool_options;
    pool_options.threads = state.program.threads();
    Result<std::shared_ptr<ThreadPool>> pool = make_thread_pool(pool_options);
    if (!pool) return std::move(pool).error();
    state.pool = *std::move(pool);
  }
  if (state.pool) state.step_pool.emplace(*state.pool);
  return {};
}

Status bind_steps(RuntimeState& state) {
  const Schedule& schedule = state.schedule();
  for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
    const Step& step = schedule.steps[i];
    if (step.alias) continue;
    const BindArgs args{step.desc, step.packed ? step.packed->bytes : std::span<const std::byte>{},
                        state.step_pool ? &*state.step_pool : nullptr, step.threads};
    Result<std::unique_ptr<BoundKernel>> kernel = step.kernel->bind(args);
    if (!kernel) {
      return Error(kernel.error().code(),
                   "layer " + step.layer + ", kernel " + std::string(step.kernel->name) + ": " +
                       kernel.error().message(),
                   kernel.error().hint());
    }
    state.steps.push_back(
        {i,
         *std::move(kernel),
         runtime::mode_of(step.desc, ProgramState::of(state.program).keep_subnormals),
         runtime::has_bounded(step.desc) ? std::make_unique<runtime::StepExtents>(step) : nullptr,
         {}});
    if (Status status = state.place(state.steps.back()); !status) return status;
  }
  return {};
}

Result<std::unique_ptr<RuntimeState>> make_state(const Program& program, const RuntimeOptions& options) {
  const Isa needed = ProgramState::of(program).isa;
  if (!has_all(this_cpu().isa, needed)) {
    return Error(ErrorCode::kIsaMissing,
                 "the program was compiled for a CPU with " + isa_text(needed) + ", this one has " +
                     isa_text(this_cpu().isa),
                 "compile it on this CPU, without CompileOptions::cpu");
  }
  auto state = std::make_unique<RuntimeState>(program);
  if (Status status = provide_arena(*state, options); !status) return std::move(status).error();
  if (Status status = provide_pool(*state, options); !status) return std::move(status).error();
  state->inputs.resize(program.inputs().size());
  state->outputs.resize(ProgramState::of(program).outputs.size());
  state->output_infos.assign(program.outputs().begin(), program.outputs().end());
  for (const Tensor& tensor : state->schedule().tensors) state->shapes.push_back(tensor.desc.shape);
  state->times.resize(program.steps().size());
  state->profiling = options.profile;
  // Views and padding are read before they are written by vector loads that reach past the end: give them
  // defined contents.
  std::fill(state->arena.begin(), state->arena.end(), std::byte{0});
  if (Status status = bind_steps(*state); !status) return std::move(status).error();
  return state;
}

}  // namespace

Result<Runtime> Runtime::create(const Program& program, const RuntimeOptions& options) {
  return guard_allocation([&]() -> Result<Runtime> {
    const FloatScope scope(FloatMode::standard(Subnormals::keep));  // kernels compute factors when bound
    Result<std::unique_ptr<RuntimeState>> state = make_state(program, options);
    if (!state) return std::move(state).error();
    return Runtime(*std::move(state));
  });
}

Runtime::Runtime(std::unique_ptr<RuntimeState> state) noexcept : state_(std::move(state)) {}
Runtime::Runtime(Runtime&&) noexcept = default;
Runtime& Runtime::operator=(Runtime&&) noexcept = default;
Runtime::~Runtime() = default;

std::size_t Runtime::input_count() const noexcept { return state_->inputs.size(); }
std::size_t Runtime::output_count() const noexcept { return state_->output_infos.size(); }
const Program& Runtime::program() const noexcept { return state_->program; }

TensorView Runtime::input(std::size_t index) noexcept {
  std::byte* bound = state_->inputs[index].memory;
  return {&state_->program.inputs()[index],
          bound != nullptr ? bound : state_->address(state_->schedule().inputs[index])};
}

TensorView Runtime::output(std::size_t index) noexcept {
  std::byte* bound = state_->outputs[index].memory;
  return {&state_->output_infos[index],
          bound != nullptr ? bound : state_->address(state_->schedule().outputs[index])};
}

Result<TensorView> Runtime::input(std::string_view name) {
  return view_by_name(program().inputs(), name, "input", &Runtime::input, *this);
}

Result<TensorView> Runtime::output(std::string_view name) {
  return view_by_name(program().outputs(), name, "output", &Runtime::output, *this);
}

namespace {

Status check_binding(std::span<const TensorInfo> infos, std::size_t index, const std::byte* data,
                     std::size_t bytes, const char* kind) {
  if (index >= infos.size()) {
    return Error(ErrorCode::kInvalidArgument, std::string(kind) + " " + std::to_string(index) +
                                                  " does not exist: there are " +
                                                  std::to_string(infos.size()));
  }
  const TensorInfo& info = infos[index];
  if (bytes != info.bytes) {
    return Error(ErrorCode::kWrongSize, std::string(kind) + " " + info.name + " needs " +
                                            std::to_string(info.bytes) + " bytes, the memory has " +
                                            std::to_string(bytes));
  }
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(info.type) != 0) {
    return Error(ErrorCode::kInvalidArgument, std::string(kind) + " " + info.name +
                                                  ": the memory is not aligned to its elements of " +
                                                  std::to_string(size_of(info.type)) + " bytes");
  }
  return {};
}

}  // namespace

Status Runtime::bind_input(std::size_t index, std::span<const std::byte> memory) {
  return guard_allocation([&]() -> Status {
    if (Status status = check_binding(program().inputs(), index, memory.data(), memory.size(), "input");
        !status)
      return status;
    const TensorId id = state_->schedule().inputs[index];
    // Steps never write to an input, so the const goes away in name only.
    state_->inputs[index] = {const_cast<std::byte*>(memory.data()), !is_overread(state_->schedule(), id)};
    return state_->place_users(id);
  });
}

Status Runtime::bind_output(std::size_t index, std::span<std::byte> memory) {
  return guard_allocation([&]() -> Status {
    if (Status status = check_binding(program().outputs(), index, memory.data(), memory.size(), "output");
        !status)
      return status;
    const Schedule& schedule = state_->schedule();
    const TensorId id = schedule.outputs[index];
    const bool constant =
        std::any_of(schedule.constant_outputs.begin(), schedule.constant_outputs.end(),
                    [&](const ConstantOutput& output) { return output.index == static_cast<int>(index); });
    const bool direct = !constant && schedule.tensor(id).parent == kNoTensor && !is_overread(schedule, id);
    state_->outputs[index] = {memory.data(), direct};
    return state_->place_users(schedule.root_of(id));
  });
}

void RuntimeState::update_extents() noexcept {
  for (std::size_t i = 0; i < output_infos.size(); ++i) {
    TensorInfo& info = output_infos[i];
    if (!info.bounded) continue;
    info.shape = runtime::shape_of(schedule(), shapes, schedule().outputs[i]);
    info.bytes = dense_bytes(info.shape, {Layout::nchw, info.type});
  }
}

Status Runtime::run() noexcept {
  state_->prepare_run();
  Status status = state_->profiling ? state_->run_steps_profiled() : state_->run_steps();
  if (!status) return status;
  state_->copy_bound_outputs();
  state_->update_extents();
  return {};
}

namespace {

// The mode ends with the step: the visitor is the caller's code.
Status run_alone(RuntimeState& state, RuntimeState::BoundStep& step) noexcept {
  const FloatScope scope(step.mode);
  return state.run_step(step);
}

}  // namespace

Status Runtime::run_visiting(const StepVisitor& visit) {
  return guard_allocation([&]() -> Status {
    state_->prepare_run();
    for (RuntimeState::BoundStep& bound : state_->steps) {
      const Step& step = state_->schedule().steps[bound.index];
      if (!state_->is_wanted(bound)) continue;
      std::vector<std::vector<std::byte>>
          kept;  // a step in place overwrites its input, the visitor sees what it was
      std::vector<const void*> inputs;
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        if (step.inputs[i] == kNoTensor) {
          inputs.push_back(i < step.constant_blobs.size() && step.constant_blobs[i]
                               ? step.constant_blobs[i]->bytes.data()
                               : nullptr);
          continue;
        }
        const std::byte* data = state_->address(step.inputs[i]);
        const bool in_place = std::any_of(step.outputs.begin(), step.outputs.end(),
                                          [&](TensorId id) { return state_->address(id) == data; });
        if (in_place) {
          kept.emplace_back(data, data + dense_bytes(step.desc.inputs[i].shape, step.desc.inputs[i].format));
          data = kept.back().data();
        }
        inputs.push_back(data);
      }
      if (Status status = run_alone(*state_, bound); !status) return status;
      std::vector<void*> outputs;
      for (TensorId id : step.outputs) outputs.push_back(state_->address(id));
      visit(bound.index, inputs, outputs);
    }
    state_->copy_bound_outputs();
    state_->update_extents();
    return {};
  });
}

LayerDesc Runtime::actual_layer(std::size_t step) const {
  const Step& described = state_->schedule().steps[step];
  LayerDesc layer = described.desc;
  const auto fix = [&](TensorDesc& tensor, TensorId id) {
    if (tensor.bounded == 0 || id == kNoTensor) return;
    tensor.shape = runtime::shape_of(state_->schedule(), state_->shapes, id);
    tensor.strides = dense_strides(tensor.shape, tensor.format);
    tensor.bounded = 0;
  };
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) fix(layer.inputs[i], described.inputs[i]);
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) fix(layer.outputs[i], described.outputs[i]);
  return layer;
}

void Runtime::set_profiling(bool on) noexcept {
  state_->profiling = on;
  std::fill(state_->times.begin(), state_->times.end(), StepTime{});
}

std::span<const StepTime> Runtime::profile() const noexcept { return state_->times; }

}  // namespace fettle
