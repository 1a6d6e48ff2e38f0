// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/layers.h"

#include "benchmarks/kernels/peak.h"

#include <fettle/runtime.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

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

double gflops(const StepInfo& step, double us) { return static_cast<double>(step.macs) * 2 / us / 1000; }

std::string line(const Row& row, double peak) {
  const auto& desc = row.step->desc;
  const auto kernel = desc.main().attributes.integers("kernel_shape");
  const auto strides = desc.main().attributes.integers("strides");
  std::string what{to_string(desc.main().op)};
  if (kernel.size() == 2) what += fmt::format(" {}x{}", kernel[0], kernel[1]);
  if (strides.size() == 2 && strides[0] > 1) what += fmt::format(" stride {}", strides[0]);
  std::string rates = " | | |";
  if (row.step->macs > 0 && peak > 0) {
    const double own = gflops(*row.step, row.own_us);
    const double rival = gflops(*row.step, row.rival_us);
    rates = fmt::format(" {:.0f} | {:.0f} % | {:.0f} % |", own, 100 * own / peak, 100 * rival / peak);
  }
  return fmt::format("| {} | {} {} -> {} | {} | {:.1f} | {:.1f} | {:.2f} | {:+.1f} |{}\n", row.step->layer,
                     what, desc.inputs[0].shape.text(), desc.outputs[0].shape.text(), row.step->kernel,
                     row.own_us, row.rival_us, row.own_us / row.rival_us, row.own_us - row.rival_us, rates);
}

// What of a network is lost, and where.
std::string table(std::vector<Row> rows, double own_rest, double rival_rest, double peak) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.own_us - a.rival_us > b.own_us - b.rival_us; });
  std::string text =
      "| layer | what | kernel | us | ONNX Runtime us | ratio | difference us | GFLOP/s | of the peak | ONNX "
      "Runtime's |\n|---|---|---|---|---|---|---|---|---|---|\n";
  double own = own_rest;
  double rival = rival_rest;
  double lost = 0;
  int losing = 0;
  for (const Row& row : rows) {
    text += line(row, peak);
    own += row.own_us;
    rival += row.rival_us;
    losing += row.own_us > row.rival_us;
    lost += std::max(0.0, row.own_us - row.rival_us);
  }
  const auto sum = [&](const char* what, double mine, double others) {
    fmt::format_to(std::back_inserter(text), "| {} | | | {:.1f} | {:.1f} | {:.2f} | {:+.1f} | | | |\n", what,
                   mine, others, others > 0 ? mine / others : 0, mine - others);
  };
  sum("the rest", own_rest, rival_rest);
  sum("all", own, rival);
  fmt::format_to(std::back_inserter(text),
                 "\n{} of {} layers lose {:.1f} us together; the peak is {:.0f} GFLOP/s.\n", losing,
                 rows.size(), lost, peak);
  return text;
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
    const TensorView input = runtime->input(i);
    if (Status status = input.copy_from(stored((*inputs)[i], input.type())); !status)
      return std::move(status).error();
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
  double rival_rest = 0;
  for (const RivalNode& node : *nodes) rival_rest += node.us;
  const double peak = peak_gflops(this_cpu().isa) * task.threads;
  return table(std::move(rows), own_rest, rival_rest, peak);
}

}  // namespace fettle::benchmarks
