// SPDX-License-Identifier: Apache-2.0
//
// Compilation: model + plan -> program.
#include "kernels/reference/reference_kernels.h"
#include "lib/base/float_mode.h"
#include "lib/base/guard.h"
#include "lib/compile/arena.h"
#include "lib/compile/assignment.h"
#include "lib/compile/kernel_table.h"
#include "lib/compile/lower.h"
#include "lib/compile/share_memory.h"
#include "lib/runtime/program_state.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace fettle {
namespace runtime {
namespace {

// Packs each step's weights, or keeps the constants for kernels that use them as they are.
Status attach_weights(WeightStore& store, Step& step) {
  std::vector<ConstantBytes> constants;
  constants.reserve(step.constants.size());
  for (const auto& constant : step.constants)
    constants.push_back(constant ? constant->bytes : ConstantBytes{});
  if (step.kernel->pack != nullptr) {
    Result<BlobPtr> blob = packed_blob(store, *step.kernel, step.desc, constants);
    if (!blob) {
      return Error(blob.error().code(),
                   "packing the weights of layer " + step.layer + " for " + std::string(step.kernel->name) +
                       ": " + blob.error().message(),
                   blob.error().hint());
    }
    step.packed = *std::move(blob);
  } else {
    step.constant_blobs.resize(step.constants.size());
    for (std::size_t i = 0; i < step.constants.size(); ++i) {
      if (!step.constants[i]) continue;
      const std::string key = constant_key(step.constants[i]->bytes);
      BlobPtr blob = WeightStoreState::of(store).find(key);
      if (!blob) {
        auto fresh = std::make_shared<WeightBlob>();
        fresh->owner = step.constants[i];
        fresh->bytes = step.constants[i]->bytes;
        blob = WeightStoreState::of(store).insert(key, std::move(fresh));
      }
      step.constant_blobs[i] = std::move(blob);
    }
  }
  step.constants.clear();
  return {};
}

Status finish_steps(ProgramState& state, const KernelTable& table) {
  for (Step& step : state.schedule.steps) {
    if (step.alias) {
      step.constants.clear();
      continue;
    }
    const Refusal refusal = table.check(*step.kernel, step.desc);
    if (refusal != Refusal::none) {
      return Error(ErrorCode::kInternal, "layer " + step.layer + ": " + std::string(step.kernel->name) +
                                             " refuses (" + std::string(fettle::to_string(refusal)) + ") " +
                                             step.desc.text());
    }
    if (step.kernel->workspace_bytes != nullptr)
      step.workspace_bytes = step.kernel->workspace_bytes(step.desc, step.threads);
    if (Status status = attach_weights(*state.weights, step); !status) return status;
    state.threads = std::max(state.threads, step.threads);
    state.isa = state.isa | step.kernel->isa;
  }
  return {};
}

std::size_t count_weight_bytes(const Schedule& schedule) {
  std::set<const WeightBlob*> blobs;
  for (const Step& step : schedule.steps) {
    if (step.packed) blobs.insert(step.packed.get());
    for (const BlobPtr& blob : step.constant_blobs) {
      if (blob) blobs.insert(blob.get());
    }
  }
  std::size_t bytes = 0;
  for (const WeightBlob* blob : blobs) bytes += blob->bytes.size();
  return bytes;
}

// The work of the layers that a step computes.
void add_work(const LayerGraph& layers, const std::vector<Assignment>& assignments, const Step& step,
              StepInfo& info) {
  if (step.conversion) return;
  const int index = layers.find(step.layer);
  if (index < 0 || step.kernel != assignments[static_cast<std::size_t>(index)].kernel) return;
  const auto add = [&](const LayerInfo& layer) {
    info.macs += layer.macs;
    info.operations += layer.operations;
  };
  add(layers.layer(index));
  for (int other : assignments[static_cast<std::size_t>(index)].covers) add(layers.layer(other));
}

void describe_steps(ProgramState& state, const LayerGraph& layers,
                    const std::vector<Assignment>& assignments) {
  for (const Step& step : state.schedule.steps) {
    StepInfo info;
    info.layer = step.layer;
    info.kernel = std::string(step.kernel->name);
    info.desc = step.desc;
    info.threads = step.threads;
    info.conversion = step.conversion;
    info.alias = step.alias;
    info.reference = kernels::is_reference(*step.kernel);
    add_work(layers, assignments, step, info);
    info.workspace_bytes = step.workspace_bytes;
    info.packed_bytes = step.packed ? step.packed->bytes.size() : 0;
    const auto value_of = [&](TensorId id) { return id == kNoTensor ? -1 : state.schedule.tensor(id).value; };
    for (TensorId id : step.inputs) info.inputs.push_back(value_of(id));
    for (TensorId id : step.outputs) info.outputs.push_back(value_of(id));
    state.steps.push_back(std::move(info));
  }
}

void describe_tensors(ProgramState& state, const ModelState& model) {
  const auto describe = [&](const std::vector<TensorInfo>& infos, const std::vector<TensorId>& ids,
                            std::vector<TensorInfo>& target) {
    for (std::size_t i = 0; i < infos.size(); ++i) {
      TensorInfo info = infos[i];
      const TensorDesc& desc = state.schedule.tensor(ids[i]).desc;
      info.type = desc.format.type;
      info.layout = desc.format.layout;
      info.bytes = dense_bytes(desc.shape, desc.format);
      target.push_back(std::move(info));
    }
  };
  describe(model.inputs, state.schedule.inputs, state.inputs);
  describe(model.outputs, state.schedule.outputs, state.outputs);
}

Plan effective_plan(const LayerGraph& layers, const std::vector<Assignment>& assignments,
                    const ProgramState& state) {
  const ModelState& model = layers.model();
  Plan plan;
  plan.model = {model.source->name, model.source->graph_hash, model.source->weights_hash};
  plan.quantisation = model.quantisation;
  plan.device = Plan::this_device();
  PlanExpectation expected;
  expected.arena_bytes = state.arena.bytes;
  PlanPoint point;
  point.threads = state.threads;
  for (const TensorInfo& input : model.inputs) point.shapes[input.name] = input.shape;
  for (int i = 0; i < layers.size(); ++i) {
    const Assignment& assignment = assignments[static_cast<std::size_t>(i)];
    if (assignment.kernel == nullptr) continue;
    point.layers[layers.layer(i).id].variant = assignment.variant;
  }
  plan.points.push_back(std::move(point));
  return plan;
}

Status check_options(const CompileOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error(ErrorCode::kInvalidArgument, "CompileOptions::threads is " + std::to_string(options.threads),
                 "give 1 to " + std::to_string(kMaxThreads) + ", or 0 for what the plan says");
  }
  if (options.nonfinite > NonFinite::loses_nan) {
    return Error(ErrorCode::kInvalidArgument,
                 "CompileOptions::nonfinite is " + std::to_string(static_cast<int>(options.nonfinite)),
                 "give one of NonFinite's values");
  }
  for (const Kernel* kernel : options.kernels) {
    if (!is_complete(kernel)) {
      return Error(ErrorCode::kInvalidArgument,
                   "CompileOptions::kernels holds an incomplete entry" +
                       (kernel == nullptr ? std::string() : " (" + std::string(kernel->name) + ")"),
                   "an entry needs a name, a pattern, signatures, supports and bind, and pack together with "
                   "packed_bytes; an epilogue has at most one addition and one activation");
    }
  }
  return {};
}

// The model with the plan's layers computing with integers, if it has such. Of a plan for another graph that
// is not asked: it is refused later.
Result<Model> quantised_as_planned(const Model& model, const Plan* plan, const CompileOptions& options) {
  if (plan == nullptr || !plan->quantisation || plan->model.graph != model.graph_hash()) return model;
  if (!options.quantised_plans) {
    return Error(ErrorCode::kInvalidArgument,
                 "the plan makes layers of " + model.name() + " compute with integers",
                 "CompileOptions::quantised_plans allows it");
  }
  if (plan->model.weights != model.weights_hash()) {
    return Error(ErrorCode::kPlanOtherModel,
                 "the plan quantises weights " + plan->model.weights + " (" + plan->model.name +
                     "), but those of " + model.name() + " are " + model.weights_hash(),
                 "quantise this model to get a plan for it");
  }
  Result<Model> quantised = quantise_model(model, plan->quantisation);
  if (quantised || quantised.error().code() == ErrorCode::kNotCompiledIn) return quantised;
  return Error(ErrorCode::kPlanMalformed, "the plan's " + quantised.error().message(),
               quantised.error().hint());
}

Result<Program> compile(const Model& given, const Plan* plan, const CompileOptions& options) {
  if (Status status = check_options(options); !status) return std::move(status).error();
  const Result<Model> planned = quantised_as_planned(given, plan, options);
  if (!planned) return planned.error();
  const Model& model = *planned;
  const ModelState& source = ModelState::of(model);
  const KernelTable table(options.kernels, options.cpu != nullptr ? *options.cpu : this_cpu(),
                          options.nonfinite);
  const LayerGraph layers(source);
  auto state = std::make_shared<ProgramState>();
  const AssignContext context{&table, &options, &state->report};

  Result<std::vector<Assignment>> assigned = assign(layers, plan, context);
  if (!assigned) return std::move(assigned).error();
  const std::vector<Assignment> assignments = *std::move(assigned);
  if (Status status = check_assignments(layers, assignments); !status) return std::move(status).error();
  Result<Schedule> schedule = lower(layers, assignments, table, options);
  if (!schedule) return std::move(schedule).error();
  state->schedule = *std::move(schedule);
  share_memory(state->schedule, table);

  state->keep_subnormals = source.source->keep_subnormals;
  state->weights = options.weights ? options.weights : std::make_shared<WeightStore>();
  if (Status status = finish_steps(*state, table); !status) return std::move(status).error();
  state->arena = plan_arena(state->schedule);
  state->weight_bytes = count_weight_bytes(state->schedule);
  describe_steps(*state, layers, assignments);
  describe_tensors(*state, source);
  state->effective = effective_plan(layers, assignments, *state);
  if (options.weight_policy == WeightPolicy::keep) state->model = std::make_shared<const Model>(model);
  if (options.log) {
    for (const ReportEntry& entry : state->report) {
      options.log(LogLevel::warning, entry.layer.empty() ? entry.what : entry.layer + ": " + entry.what);
    }
    options.log(LogLevel::info, source.source->name + ": " + std::to_string(state->steps.size()) +
                                    " steps, arena " + std::to_string(state->arena.bytes) + " bytes");
  }
  return ProgramState::program_of(std::move(state));
}

}  // namespace
}  // namespace runtime

Result<Program> Program::compile(const Model& model, const Plan* plan, const CompileOptions& options) {
  return guard_allocation([&] {
    const FloatScope scope(FloatMode::standard(Subnormals::keep));  // packing computes with weights
    return runtime::compile(model, plan, options);
  });
}

}  // namespace fettle
