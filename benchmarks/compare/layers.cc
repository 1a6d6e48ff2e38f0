// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/layers.h"

#include <fettle/runtime.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace fettle::benchmarks {
namespace {

constexpr int kRuns = 100;

struct Row {
  const StepInfo* step;
  double own_us;
  double rival_us;  // negative: none of its nodes is called like this one
};

// What an operator is called in ONNX Runtime's profile.
std::string_view rival_op(Op op) {
  switch (op) {
    case Op::conv:
      return "Conv";
    case Op::gemm:
      return "Gemm";
    case Op::max_pool:
      return "MaxPool";
    case Op::average_pool:
      return "AveragePool";
    case Op::global_average_pool:
      return "GlobalAveragePool";
    default:
      return "";
  }
}

// Takes the node of the layer's name; else, because fused nodes get other names, the first one of the same
// operator and output. Layers of one shape may be exchanged so; they cost the same.
double take(std::vector<RivalNode>& nodes, const StepInfo& step) {
  auto found = std::find_if(nodes.begin(), nodes.end(), [&](const RivalNode& node) {
    return node.name == step.layer || node.name.starts_with(step.layer + "_");
  });
  if (found == nodes.end()) {
    found = std::find_if(nodes.begin(), nodes.end(), [&](const RivalNode& node) {
      return node.op.ends_with(rival_op(step.desc.main().op)) && !rival_op(step.desc.main().op).empty() &&
             node.shape == step.desc.outputs[0].shape.text();
    });
  }
  if (found == nodes.end()) return -1;
  const double us = found->us;
  nodes.erase(found);
  return us;
}

std::string line(const Row& row) {
  const double gflops = static_cast<double>(row.step->macs) * 2 / row.own_us / 1000;
  const auto& desc = row.step->desc;
  const auto kernel = desc.main().attributes.integers("kernel_shape");
  const auto strides = desc.main().attributes.integers("strides");
  std::string what{to_string(desc.main().op)};
  if (kernel.size() == 2) what += fmt::format(" {}x{}", kernel[0], kernel[1]);
  if (strides.size() == 2 && strides[0] > 1) what += fmt::format(" stride {}", strides[0]);
  return fmt::format("| {} | {} {} -> {} | {} | {:.1f} | {:.0f} | {:.1f} | {:.2f} | {:+.1f} |\n",
                     row.step->layer, what, desc.inputs[0].shape.text(), desc.outputs[0].shape.text(),
                     row.step->kernel, row.own_us, gflops, row.rival_us, row.own_us / row.rival_us,
                     row.own_us - row.rival_us);
}

}  // namespace

Result<std::string> layer_table(const Task& task) {
  Result<Model> model = Model::load(task.model_path);
  if (!model) return std::move(model).error();
  Result<std::vector<Values>> inputs = random_inputs(*model);
  if (!inputs) return std::move(inputs).error();
  Result<std::vector<RivalNode>> nodes = profile_onnxruntime(task, *inputs, kRuns);
  if (!nodes) return std::move(nodes).error();
  LoadOptions options;
  options.compile.threads = task.threads;
  Result<Runtime> runtime = Runtime::load(task.model_path, task.plan_path, options);
  if (!runtime) return std::move(runtime).error();
  for (std::size_t i = 0; i < runtime->input_count(); ++i) {
    if (Status status = runtime->input(i).copy_from((*inputs)[i]); !status) return std::move(status).error();
  }
  for (const bool profile : {false, true}) {  // once to warm up
    runtime->set_profiling(profile);
    for (int i = 0; i < kRuns; ++i) {
      if (Status status = runtime->run(); !status) return std::move(status).error();
    }
  }

  std::vector<Row> rows;
  double own_rest = 0;
  for (std::size_t i = 0; i < runtime->profile().size(); ++i) {
    const StepInfo& step = runtime->program().steps()[i];
    const double us = static_cast<double>(runtime->profile()[i].total_ns) / kRuns / 1000;
    const double rival = step.conversion || step.alias ? -1 : take(*nodes, step);
    if (rival < 0)
      own_rest += us;
    else
      rows.push_back({&step, us, rival});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.own_us > b.own_us; });
  std::string text =
      "| layer | what | kernel | us | GFLOP/s | ONNX Runtime us | ratio | difference us "
      "|\n|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) text += line(row);
  double rival_rest = 0;
  for (const RivalNode& node : *nodes) rival_rest += node.us;
  fmt::format_to(std::back_inserter(text), "| the rest | | | {:.1f} | | {:.1f} | | {:+.1f} |\n", own_rest,
                 rival_rest, own_rest - rival_rest);
  return text;
}

}  // namespace fettle::benchmarks
