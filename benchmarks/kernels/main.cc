// SPDX-License-Identifier: Apache-2.0
//
// Every variant of each distinct layer of a model, alone, beside the peak rate of the core: which kernel is
// how far from what the machine can do; or with --regions, what covers several layers beside these. In a
// network caches are warm with other things: `fettle tune` measures that.
#include "benchmarks/kernels/peak.h"
#include "benchmarks/kernels/regions.h"
#include "benchmarks/kernels/variant.h"

#include <fettle/fettle.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <string>
#include <vector>

namespace fettle::benchmarks {
namespace {

void measure(const LayerInfo& layer, const LayerVariants& all, int count, const Arguments& arguments,
             ThreadPool* pool, double peak) {
  std::vector<std::vector<Variant>> lists(1);
  lists[0] = make_variants(layer.desc, all, arguments, pool,
                           [](const VariantInfo& v) { return v.variant.covers.empty(); });
  time_in_turns(lists, arguments);
  std::vector<Variant>& variants = lists.front();
  fmt::print("\n{} ({} times, {:.1f} million multiply-accumulates)\n", layer.desc.text(), count,
             static_cast<double>(layer.macs) / 1e6);
  for (Variant& variant : variants) {
    const double us = variant.median();
    if (us > arguments.slowest * variants.front().median()) continue;
    const double gflops = 2e-3 * static_cast<double>(layer.macs) / us;
    fmt::print("  {:36} {:18} {:10.2f} us {:8.1f} GFLOP/s {:5.0f} %\n", variant.kernel.kernel().name,
               variant.kernel.signature().text(), us, gflops,
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
  const std::vector<LayerVariants> variants = enumerate_variants(*model);
  if (arguments.regions) {
    measure_regions(*model, variants, arguments, pool.get());
    return 0;
  }
  const double peak = peak_gflops(this_cpu().isa);
  fmt::print("peak of one core: {:.1f} GFLOP/s\n", peak);
  std::map<std::string, int> counts;
  for (const LayerInfo& layer : model->layers()) ++counts[layer.desc.text()];
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
  app.add_flag("--regions", arguments.regions, "time regions beside the layers that they cover");
  CLI11_PARSE(app, argc, argv);
  return fettle::benchmarks::run(arguments);
}
