// SPDX-License-Identifier: Apache-2.0
//
// Every variant of each distinct layer of a model, alone, beside the peak rate of the core: which kernel is
// how far from what the machine can do. In a network caches are warm with other things: `fettle tune`
// measures that.
#include "benchmarks/kernels/peak.h"
#include "benchmarks/kernels/timed_kernel.h"
#include "lib/base/channel_block.h"

#include <fettle/fettle.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace fettle::benchmarks {
namespace {

struct Arguments {
  std::string model;
  std::string filter;
  int threads = 1;
  int rounds = 9;
  double turn = 0.01;
  double slowest = 3;
};

LayerDesc with_layouts(LayerDesc layer, LayoutPair layouts) {
  const auto set = [](TensorDesc& tensor, Layout layout) {
    if (tensor.constant || tensor.shape.rank() < 3) return;
    tensor.format = in_layout(tensor.format, layout, this_cpu().isa);
    tensor.strides = dense_strides(tensor.shape, tensor.format);
  };
  for (TensorDesc& tensor : layer.inputs) set(tensor, layouts.input);
  for (TensorDesc& tensor : layer.outputs) set(tensor, layouts.output);
  return layer;
}

struct Variant {
  TimedKernel kernel;
  std::vector<double> us;
  double median() {
    std::sort(us.begin(), us.end());
    return us[us.size() / 2];
  }
};

// Those that run the layer alone, without the reference, which takes too long.
std::vector<Variant> variants_of(const LayerDesc& layer, const LayerVariants& all, const Arguments& arguments,
                                 ThreadPool* pool) {
  std::vector<Variant> variants;
  for (const VariantInfo& info : all.variants) {
    if (info.refusal != Refusal::none || !info.covers.empty() || info.kernel->name.ends_with(".reference"))
      continue;
    const int threads = info.kernel->threaded ? arguments.threads : 1;
    Result<TimedKernel> timed =
        TimedKernel::make(*info.kernel, with_layouts(layer, info.layouts), pool, threads);
    if (timed) variants.push_back({*std::move(timed), {}});
  }
  return variants;
}

void measure(const LayerInfo& layer, const LayerVariants& all, int count, const Arguments& arguments,
             ThreadPool* pool, double peak) {
  std::vector<Variant> variants = variants_of(layer.desc, all, arguments, pool);
  for (int round = 0; round < arguments.rounds; ++round) {
    for (Variant& variant : variants) variant.us.push_back(variant.kernel.time_us(arguments.turn));
  }
  std::sort(variants.begin(), variants.end(), [](Variant& a, Variant& b) { return a.median() < b.median(); });
  fmt::print("\n{} ({} times, {:.1f} million multiply-accumulates)\n", layer.desc.text(), count,
             static_cast<double>(layer.macs) / 1e6);
  for (Variant& variant : variants) {
    const double us = variant.median();
    if (us > arguments.slowest * variants.front().median()) continue;
    const double gflops = 2e-3 * static_cast<double>(layer.macs) / us;
    const LayoutPair layouts = variant.kernel.layouts();
    fmt::print("  {:36} {}>{} {:10.2f} us {:8.1f} GFLOP/s {:5.0f} %\n", variant.kernel.kernel().name,
               to_string(layouts.input), to_string(layouts.output), us, gflops,
               peak > 0 ? 100 * gflops / peak / arguments.threads : 0);
  }
}

int run(const Arguments& arguments) {
  const Result<Model> model = Model::load(arguments.model);
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().text());
    return 1;
  }
  std::shared_ptr<ThreadPool> pool;
  if (arguments.threads > 1) {
    Result<std::shared_ptr<ThreadPool>> made = make_thread_pool({.threads = arguments.threads});
    if (!made) {
      fmt::print(stderr, "{}\n", made.error().text());
      return 1;
    }
    pool = *std::move(made);
  }
  const double peak = peak_gflops(this_cpu().isa);
  fmt::print("peak of one core: {:.1f} GFLOP/s\n", peak);
  std::map<std::string, int> counts;
  for (const LayerInfo& layer : model->layers()) ++counts[layer.desc.text()];
  const std::vector<LayerVariants> variants = enumerate_variants(*model);
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const LayerInfo& layer = model->layers()[i];
    int& count = counts[layer.desc.text()];
    if (count > 0 && layer.desc.text().find(arguments.filter) != std::string::npos)
      measure(layer, variants[i], count, arguments, pool.get(), peak);
    count = 0;
  }
  return 0;
}

}  // namespace
}  // namespace fettle::benchmarks

int main(int argc, char** argv) {
  CLI::App app("Times every variant of each layer of a model");
  fettle::benchmarks::Arguments arguments;
  app.add_option("model", arguments.model, "ONNX file")->required();
  app.add_option("--filter", arguments.filter, "only layers whose text holds this, for instance 'conv '");
  app.add_option("--threads", arguments.threads, "threads")->check(CLI::Range(1, 64));
  app.add_option("--rounds", arguments.rounds, "interleaved rounds")->check(CLI::Range(1, 1000));
  app.add_option("--turn", arguments.turn, "seconds of one variant's turn")->check(CLI::PositiveNumber);
  app.add_option("--slowest", arguments.slowest, "leave out what takes this many times the best");
  CLI11_PARSE(app, argc, argv);
  return fettle::benchmarks::run(arguments);
}
