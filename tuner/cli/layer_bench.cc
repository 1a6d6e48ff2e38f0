// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/layer_bench.h"

#include "tuner/cli/command.h"
#include "tuner/cli/difference.h"
#include "tuner/cli/layer_data.h"

#include <fettle/cpu.h>
#include <fettle/thread_pool.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace fettle::cli {
namespace {

// A kernel with the formats in which it sees the layer.
struct LayerVariant {
  const Kernel* kernel;
  std::string formats;
  LayerDesc desc;
  Refusal refusal;
};

struct LayerResult {
  const LayerVariant* variant;
  int threads;
  double median_us;
  double min_us;
  std::optional<double> relative_error;  ///< nothing without a reference
};

bool is_plain(const std::vector<TensorDesc>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const TensorDesc& tensor) {
    return tensor.format.layout == Layout::nchw && tensor.dense();
  });
}

Refusal refusal_here(const Kernel& kernel, const LayerDesc& layer, NonFinite weakest) {
  // Its results are not those of the layer: the step that applies the clamp belongs to a program.
  if (kernel.leaves_clamp && layer.parts.back().clamp) return Refusal::clamp;
  const Refusal refusal = refusal_of(kernel, layer, this_cpu());
  return refusal == Refusal::none && kernel.nonfinite > weakest ? Refusal::nonfinite : refusal;
}

// A layer as models have it stands for all formats; others are taken as they are.
std::vector<LayerVariant> layer_variants(const LayerDesc& layer, std::span<const Kernel* const> kernels,
                                         NonFinite weakest) {
  const bool plain = is_plain(layer.inputs) && is_plain(layer.outputs);
  std::vector<LayerVariant> variants;
  for (const Kernel* kernel : kernels) {
    if (!plain || !has_pattern(*kernel, layer)) {
      variants.push_back({kernel, "as given", layer, refusal_here(*kernel, layer, weakest)});
      continue;
    }
    for (const Signature& signature : kernel->signatures) {
      LayerDesc desc = with_signature(layer, signature, this_cpu().isa);
      const Refusal refusal = refusal_here(*kernel, desc, weakest);
      variants.push_back({kernel, signature_of(desc, signature).text(), std::move(desc), refusal});
    }
  }
  return variants;
}

double largest_error(const LayerDesc& layer, const TensorBytes& values, const TensorBytes& reference) {
  double largest = 0;
  for (std::size_t i = 0; i < layer.outputs.size(); ++i)
    largest = std::max(largest, relative_error(layer.outputs[i].format.type, values[i], reference[i]));
  return largest;
}

double median_of(std::span<const double> sorted) {
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Multiply-accumulates count as two operations; operations per nanosecond are GFLOP/s.
double layer_gflops(std::int64_t macs, double us) {
  return us > 0 ? 2.0 * static_cast<double>(macs) / (1000 * us) : 0;
}

// Measures what is not refused, one after the other; the fastest first.
Result<std::vector<LayerResult>> measure_variants(const LayerBenchArguments& arguments,
                                                  const LayerDesc& layer,
                                                  std::span<const LayerVariant> variants) {
  std::vector<LayerResult> results;
  if (std::all_of(variants.begin(), variants.end(),
                  [](const LayerVariant& variant) { return variant.refusal != Refusal::none; }))
    return results;
  std::shared_ptr<ThreadPool> pool;
  if (arguments.threads > 1) {
    Result<std::shared_ptr<ThreadPool>> made = make_thread_pool({.threads = arguments.threads});
    if (!made) return std::move(made).error();
    pool = *std::move(made);
  }
  const TensorBytes inputs = random_inputs(layer);
  const Result<TensorBytes> reference = reference_outputs(layer, inputs);
  if (!reference && reference.error().code() != ErrorCode::kModelUnsupported) return reference.error();
  const RunSettings settings{arguments.threads, pool.get(), arguments.warmup_s, arguments.duration_s,
                             arguments.iterations};
  for (const LayerVariant& variant : variants) {
    if (variant.refusal != Refusal::none) continue;
    const Result<LayerRun> run = run_kernel(*variant.kernel, variant.desc, inputs, settings);
    if (!run) {
      return Error(run.error().code(), std::string(variant.kernel->name) + ": " + run.error().message(),
                   run.error().hint());
    }
    LayerResult result{&variant, variant.kernel->threaded ? arguments.threads : 1, median_of(run->run_us),
                       run->run_us.front(), std::nullopt};
    if (reference) result.relative_error = largest_error(layer, run->outputs, *reference);
    results.push_back(result);
  }
  std::stable_sort(results.begin(), results.end(),
                   [](const LayerResult& a, const LayerResult& b) { return a.median_us < b.median_us; });
  return results;
}

Json layer_json(const LayerDesc& layer, std::span<const LayerResult> results,
                std::span<const LayerVariant> refused) {
  const std::int64_t macs = layer.macs();
  Json json;
  json["layer"] = layer.text();
  json["macs"] = macs;
  json["kernels"] = Json::array();
  for (const LayerResult& result : results) {
    json["kernels"].push_back(
        {{"kernel", result.variant->kernel->name},
         {"formats", result.variant->formats},
         {"threads", result.threads},
         {"median_us", result.median_us},
         {"min_us", result.min_us},
         {"gflops", macs > 0 ? Json(layer_gflops(macs, result.min_us)) : Json()},
         {"relative_error", result.relative_error ? Json(*result.relative_error) : Json()}});
  }
  json["refused"] = Json::array();
  for (const LayerVariant& variant : refused) {
    json["refused"].push_back({{"kernel", variant.kernel->name},
                               {"formats", variant.formats},
                               {"refusal", to_string(variant.refusal)}});
  }
  return json;
}

std::string layer_table(const LayerDesc& layer, std::span<const LayerResult> results,
                        std::span<const LayerVariant> refused) {
  const std::int64_t macs = layer.macs();
  std::string text = layer.text() + "\n";
  auto out = std::back_inserter(text);
  if (!results.empty())
    fmt::format_to(out, "{:<40} {:<18} {:>3} {:>10} {:>10} {:>12} {:>10}\n", "kernel", "formats", "thr",
                   "median us", "min us", "best GFLOP/s", "error");
  for (const LayerResult& result : results) {
    const std::string gflops = macs > 0 ? fmt::format("{:.1f}", layer_gflops(macs, result.min_us)) : "";
    const std::string error = result.relative_error ? fmt::format("{:.2g}", *result.relative_error) : "";
    fmt::format_to(out, "{:<40} {:<18} {:>3} {:>10.2f} {:>10.2f} {:>12} {:>10}\n",
                   result.variant->kernel->name, result.variant->formats, result.threads, result.median_us,
                   result.min_us, gflops, error);
  }
  for (const LayerVariant& variant : refused)
    fmt::format_to(out, "{:<40} {:<18} refused: {}\n", variant.kernel->name, variant.formats,
                   to_string(variant.refusal));
  if (results.empty() && refused.empty()) text += "no kernel of this build runs the layer here\n";
  return text;
}

Result<LayerDesc> read_layer(const std::string& text) {
  Result<LayerDesc> layer = LayerDesc::parse(text);
  if (!layer) return layer;
  if (Status status = layer->check(); !status) return std::move(status).error();
  if (Status status = check_memory(*layer); !status) return std::move(status).error();
  return layer;
}

}  // namespace

int bench_layer(const LayerBenchArguments& arguments) {
  const Result<LayerDesc> layer = read_layer(arguments.layer);
  if (!layer) return fail(layer.error());
  const Kernel* const named = find_builtin_kernel(arguments.kernel);
  if (!arguments.kernel.empty() && named == nullptr) {
    return fail({ErrorCode::kUnknownName, "this build has no kernel " + arguments.kernel,
                 "`fettle variants` lists those that it has"});
  }
  const std::vector<LayerVariant> variants = layer_variants(
      *layer, named != nullptr ? std::span(&named, 1) : builtin_kernels(), arguments.nonfinite);
  const Result<std::vector<LayerResult>> results = measure_variants(arguments, *layer, variants);
  if (!results) return fail(results.error());
  // Of all kernels, most are for other operators; of one, why it is not there is the answer.
  std::vector<LayerVariant> refused;
  if (named != nullptr) {
    std::copy_if(variants.begin(), variants.end(), std::back_inserter(refused),
                 [](const LayerVariant& variant) { return variant.refusal != Refusal::none; });
  }
  print(arguments.json ? layer_json(*layer, *results, refused).dump(2) + "\n"
                       : layer_table(*layer, *results, refused));
  return results->empty() ? kDifferent : kSuccess;
}

}  // namespace fettle::cli
