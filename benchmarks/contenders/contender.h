// SPDX-License-Identifier: Apache-2.0
//
// Who takes part in a comparison: one runtime with one network loaded, ready to be timed.
#pragma once

#include "benchmarks/contenders/values.h"

#include <fettle/error.h>
#include <fettle/plan.h>
#include <fettle/program.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fettle::benchmarks {

/// What is loaded, and how.
struct Task {
  std::string model_path;
  std::string plan_path;      ///< for the contender that follows a plan
  std::string rival_library;  ///< path of libonnxruntime.so
  int threads = 1;
  std::string converted = {};  ///< folder of the networks in the formats of ncnn and MNN
  std::vector<TensorInfo> inputs =
      {};  ///< the model's, for rivals that know no shapes, types or another order
  std::vector<TensorInfo> outputs = {};  ///< likewise
  bool optimised = true;                 ///< false: ONNX Runtime rewrites no graph
};

/// Memory that a contender knows of; zeros where it does not tell.
struct Footprint {
  std::size_t arena_bytes = 0;
  std::size_t live_set_bytes = 0;     ///< the largest of any step, with its workspace
  std::size_t live_values_bytes = 0;  ///< the same without workspaces
  std::size_t activation_bytes = 0;   ///< sum of all activations
  std::size_t weight_bytes = 0;
};

/// One network in one runtime. One thread uses it.
class Contender {
 public:
  virtual ~Contender() = default;
  /// Gives the inputs, in the model's order; outside what is timed.
  virtual Status set_inputs(const std::vector<Values>& inputs) = 0;
  /// One inference: from filled inputs to outputs in ONNX order, conversions included.
  virtual Status run() = 0;
  virtual std::vector<Values> outputs() = 0;
  virtual Footprint footprint() const { return {}; }
};

/// Names of the contenders that this build has: ort (ONNX Runtime), default and plan (Fettle), xnnpack
/// (Fettle with XNNPACK's kernels), opencv, ncnn, mnn, blas and caffe (Fettle with the baselines' kernels).
std::vector<std::string> contender_names();
/// Errors: kInvalidArgument for other names, and whatever keeps the runtime from taking the network.
Result<std::unique_ptr<Contender>> make_contender(const std::string& name, const Task& task);

/// Fettle with its static defaults, a plan (when `plan` is true), and extra kernels.
Result<std::unique_ptr<Contender>> make_fettle(const Task& task, bool plan,
                                               std::span<const Kernel* const> kernels);
/// XNNPACK's whole operators, and portable and reference kernels for what it refuses.
std::span<const Kernel* const> xnnpack_kernels();
/// ONNX Runtime with all its graph optimisations (unless `task.optimised` is false), `task.threads` threads
/// inside operators and its usual spinning.
Result<std::unique_ptr<Contender>> make_onnxruntime(const Task& task);

/// One of ONNX Runtime's nodes, in the order in which they run.
struct RivalNode {
  std::string name;  ///< as in the file, or made up where the graph was rewritten
  std::string op;
  std::string shape;  ///< of its first output: "1x64x56x56"
  double us = 0;      ///< mean of a run
};
Result<std::vector<RivalNode>> profile_onnxruntime(const Task& task, const std::vector<Values>& inputs,
                                                   int runs);

}  // namespace fettle::benchmarks
