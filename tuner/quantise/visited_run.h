// SPDX-License-Identifier: Apache-2.0
//
// Runs of a network in which every value can be seen, and changed.
#pragma once

#include <fettle/accuracy.h>
#include <fettle/model.h>
#include <fettle/runtime.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace fettle::tuner {

/// The samples of a calibration, kept in memory as far as they fit: they are needed again and again.
class KeptSamples {
 public:
  explicit KeptSamples(const Samples& samples) : samples_(samples), kept_(samples.count) {}
  std::size_t count() const { return samples_.count; }
  Status load(std::size_t index, Runtime& runtime);

 private:
  static constexpr std::size_t kMostBytes = std::size_t{512} << 20;
  Samples samples_;
  std::vector<std::vector<std::vector<std::byte>>> kept_;  // by sample and input
  std::size_t bytes_ = 0;
};

/// A model compiled layer by layer, without epilogues and regions, which would hide what is between layers.
class VisitedRun {
 public:
  /// Programs of one network share what they pack through `weights`.
  static Result<VisitedRun> create(const Model& model, std::shared_ptr<WeightStore> weights);

  /// Gets the number of a value as LayerInfo has it, where it lies, and its memory.
  using Visitor = std::function<void(int value, const TensorDesc& desc, void* data)>;
  /// Runs on a sample and shows each layer's inputs and results: the model's inputs before the first, results
  /// when they have been computed, those of layers without work of their own (reshapes, joined memory) too.
  /// What the visitor changes later layers see.
  Status run(KeptSamples& samples, std::size_t sample, const Visitor& visit);
  /// The f32 outputs of the last run, one after the other.
  std::vector<float> outputs();
  Runtime& runtime() { return runtime_; }

 private:
  VisitedRun(Model model, Runtime runtime) : model_(std::move(model)), runtime_(std::move(runtime)) {}

  Model model_;
  Runtime runtime_;
};

}  // namespace fettle::tuner
