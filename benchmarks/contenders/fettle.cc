// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/contenders/contender.h"

#include <fettle/runtime.h>

#include <utility>

namespace fettle::benchmarks {
namespace {

class Fettle final : public Contender {
 public:
  explicit Fettle(Runtime runtime) : runtime_(std::move(runtime)) {}

  Status set_inputs(const std::vector<Values>& inputs) override {
    for (std::size_t i = 0; i < runtime_.input_count(); ++i) {
      const TensorView input = runtime_.input(i);
      if (Status status = input.copy_from(stored(inputs.at(i), input.type())); !status) return status;
    }
    return {};
  }
  Status run() override { return runtime_.run(); }
  std::vector<Values> outputs() override {
    std::vector<Values> all;
    for (std::size_t i = 0; i < runtime_.output_count(); ++i) {
      const TensorView output = runtime_.output(i);
      all.push_back(read_values(output.bytes(), output.type()));
    }
    return all;
  }
  Footprint footprint() const override {
    const ArenaInfo& arena = runtime_.program().arena();
    return {arena.bytes, arena.largest_live_set, arena.largest_live_values, arena.sum_of_activations,
            runtime_.program().weight_bytes()};
  }

 private:
  Runtime runtime_;
};

}  // namespace

Result<std::unique_ptr<Contender>> make_fettle(const Task& task, bool plan,
                                               std::span<const Kernel* const> kernels) {
  LoadOptions options;
  options.compile.threads = task.threads;
  options.compile.kernels = kernels;
  // Given rows are measured as they are, XNNPACK's with what they make of NaN.
  if (!kernels.empty()) options.compile.nonfinite = NonFinite::loses_nan;
  Result<Runtime> runtime = Runtime::load(task.model_path, plan ? task.plan_path : std::string(), options);
  if (!runtime) return std::move(runtime).error();
  return std::unique_ptr<Contender>(std::make_unique<Fettle>(*std::move(runtime)));
}

std::span<const Kernel* const> xnnpack_kernels() {
  static const std::vector<const Kernel*> rows = [] {
    std::vector<const Kernel*> chosen;
    // In this order: portable and reference kernels only run what XNNPACK refuses, and nothing is left for
    // others.
    for (const std::string_view backend : {".xnnpack", ".portable", ".reference"}) {
      for (const Kernel* kernel : builtin_kernels()) {
        if (kernel->name.ends_with(backend) && kernel->name.find("_sliced.") == std::string_view::npos)
          chosen.push_back(kernel);
      }
    }
    return chosen;
  }();
  return rows;
}

}  // namespace fettle::benchmarks
