// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/layer_compare.h"

#include "tuner/cli/difference.h"
#include "tuner/cli/tensor_elements.h"

#include <cstddef>
#include <map>
#include <utility>

namespace fettle::cli {
namespace {

bool is_floating(DataType type) {
  return type == DataType::f32 || type == DataType::f64 || type == DataType::f16 || type == DataType::bf16;
}

// A plan that gives every layer its reference kernel.
Plan reference_plan(const Model& model, const Program& like, const CompileOptions& options) {
  Plan plan = like.effective_plan();
  PlanPoint& point = plan.points.front();
  point.threads = 1;
  point.layers.clear();
  for (const LayerVariants& layer : enumerate_variants(model, options)) {
    for (const VariantInfo& variant : layer.variants) {
      if (variant.refusal != Refusal::none || !variant.kernel->name.ends_with(".reference") ||
          !variant.variant.covers.empty())
        continue;
      point.layers[layer.layer].variant = variant.variant;
      break;
    }
  }
  return plan;
}

struct Value {
  DataType type = DataType::undefined;
  std::vector<std::byte> elements;
};
using Values = std::map<int, Value>;

Result<Values> reference_values(const Model& model, Runtime& runtime, const CompileOptions& options) {
  const Plan plan = reference_plan(model, runtime.program(), options);
  CompileOptions compile = options;
  compile.threads = 1;
  Result<Program> program = Program::compile(model, &plan, compile);
  if (!program) return std::move(program).error();
  Result<Runtime> reference = Runtime::create(*program);
  if (!reference) return std::move(reference).error();
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    if (Status status = reference->input(i).copy_from(std::span<const std::byte>(runtime.input(i).bytes()));
        !status)
      return std::move(status).error();
  }
  Values values;
  Status status = reference->run_visiting(
      [&](std::size_t step, std::span<const void* const>, std::span<void* const> outputs) {
        const StepInfo& info = program->steps()[step];
        const LayerDesc layer = reference->actual_layer(step);
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          const DataType type = info.desc.outputs[i].format.type;
          if (is_floating(type))
            values[info.outputs[i]] = {type, dense_elements(layer.outputs[i], outputs[i])};
        }
      });
  if (!status) return std::move(status).error();
  return values;
}

}  // namespace

Result<std::vector<LayerComparison>> compare_layers(const Model& model, Runtime& runtime,
                                                    const CompileOptions& options) {
  Result<Values> expected = reference_values(model, runtime, options);
  if (!expected) return std::move(expected).error();
  std::vector<LayerComparison> comparisons;
  Status status = runtime.run_visiting(
      [&](std::size_t step, std::span<const void* const>, std::span<void* const> outputs) {
        const StepInfo& info = runtime.program().steps()[step];
        const LayerDesc layer = runtime.actual_layer(step);
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          const auto found = expected->find(info.outputs[i]);
          const DataType type = info.desc.outputs[i].format.type;
          if (found == expected->end() || found->second.type != type) continue;
          const std::vector<std::byte> values = dense_elements(layer.outputs[i], outputs[i]);
          if (values.size() != found->second.elements.size()) continue;  // the data chose another number
          comparisons.push_back({(info.conversion ? "-> " : "") + info.layer, info.kernel, info.desc.text(),
                                 relative_error(type, values, found->second.elements)});
        }
      });
  if (!status) return std::move(status).error();
  return comparisons;
}

}  // namespace fettle::cli
