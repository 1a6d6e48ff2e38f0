// SPDX-License-Identifier: Apache-2.0
#include "tuner/quantise/visited_run.h"

#include <algorithm>
#include <map>
#include <utility>

namespace fettle::tuner {
namespace {

// Each layer with the kernel that it has by default when it is alone.
Plan separate_layers(const Model& model, const Program& program, const CompileOptions& options) {
  Plan plan = program.effective_plan();
  std::map<std::string, PlanLayer>& layers = plan.points.front().layers;
  layers.clear();
  for (const LayerVariants& layer : enumerate_variants(model, options)) {
    const VariantInfo* best = nullptr;
    for (const VariantInfo& variant : layer.variants) {
      const Signature& types = variant.variant.signature;
      const bool usable = variant.refusal == Refusal::none && variant.variant.covers.empty() &&
                          types.input.layout != Layout::nchwc && types.output.layout != Layout::nchwc;
      if (!usable) continue;
      if (best == nullptr || (variant.is_default && !best->is_default)) best = &variant;
    }
    if (best != nullptr) layers[layer.layer].variant = best->variant;
  }
  return plan;
}

}  // namespace

Status KeptSamples::load(std::size_t index, Runtime& runtime) {
  std::vector<TensorView> inputs;
  for (std::size_t i = 0; i < runtime.input_count(); ++i) inputs.push_back(runtime.input(i));
  std::vector<std::vector<std::byte>>& kept = kept_[index];
  if (!kept.empty()) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (Status status = inputs[i].copy_from(std::span<const std::byte>(kept[i])); !status) return status;
    }
    return {};
  }
  if (Status status = samples_.load(index, inputs); !status) return status;
  std::size_t bytes = 0;
  for (const TensorView& input : inputs) bytes += input.bytes().size();
  if (bytes_ + bytes > kMostBytes) return {};
  bytes_ += bytes;
  for (const TensorView& input : inputs) kept.emplace_back(input.bytes().begin(), input.bytes().end());
  return {};
}

Result<VisitedRun> VisitedRun::create(const Model& model, std::shared_ptr<WeightStore> weights) {
  CompileOptions options;
  options.threads = 1;
  options.weights = std::move(weights);
  const Result<Program> program = Program::compile(model, nullptr, options);
  if (!program) return program.error();
  const Plan plan = separate_layers(model, *program, options);
  const Result<Program> separate = Program::compile(model, &plan, options);
  if (!separate) return separate.error();
  Result<Runtime> runtime = Runtime::create(*separate);
  if (!runtime) return std::move(runtime).error();
  return VisitedRun(model, *std::move(runtime));
}

Status VisitedRun::run(KeptSamples& samples, std::size_t sample, const Visitor& visit) {
  if (Status status = samples.load(sample, runtime_); !status) return status;
  const std::span<const StepInfo> steps = runtime_.program().steps();
  std::map<int, void*> places;  // of values, where views of them begin
  const auto show = [&](int value, const TensorDesc& desc, void* data) {
    places[value] = data;
    visit(value, desc, data);
  };
  // The steps without work that follow: what they view is complete, and nothing has written over it yet.
  const auto show_views = [&](std::size_t step) {
    for (; step < steps.size() && steps[step].alias; ++step) {
      const StepInfo& view = steps[step];
      const auto place = view.inputs.empty() ? places.end() : places.find(view.inputs.front());
      if (place == places.end() || view.conversion) continue;
      for (std::size_t i = 0; i < view.outputs.size(); ++i)
        show(view.outputs[i], view.desc.outputs[i], place->second);
    }
  };
  for (std::size_t i = 0; i < runtime_.input_count(); ++i) {
    const TensorView input = runtime_.input(i);
    TensorDesc desc;
    desc.shape = input.shape();
    desc.format = {input.info().layout, input.type()};
    desc.strides = dense_strides(desc.shape, desc.format);
    show(model_.input_value(i), desc, input.bytes().data());
  }
  show_views(0);
  return runtime_.run_visiting(
      [&](std::size_t step, std::span<const void* const>, std::span<void* const> outputs) {
        const StepInfo& info = steps[step];
        const LayerDesc layer = runtime_.actual_layer(step);
        for (std::size_t i = 0; i < outputs.size() && !info.conversion; ++i)
          show(info.outputs[i], layer.outputs[i], outputs[i]);
        show_views(step + 1);
      });
}

std::vector<float> VisitedRun::outputs() {
  std::vector<float> all;
  for (std::size_t i = 0; i < runtime_.output_count(); ++i) {
    const std::span<const float> values = runtime_.output(i).values<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace fettle::tuner
