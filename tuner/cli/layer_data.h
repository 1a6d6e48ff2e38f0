// SPDX-License-Identifier: Apache-2.0
//
// Numbers for a layer by itself, and what the reference kernels make of them.
#pragma once

#include <fettle/kernel.h>
#include <fettle/thread_pool.h>

#include <cstddef>
#include <vector>

namespace fettle::cli {

/// Dense bytes in ONNX order, an entry a tensor.
using TensorBytes = std::vector<std::vector<std::byte>>;

/// Whether the layer's tensors can be made here. Errors: kLimitExceeded (one spans more than 4 GiB),
/// kInvalidArgument (negative strides).
Status check_memory(const LayerDesc& layer);

/// Contents for all of the layer's inputs, the same in every run: floats of -1 to 1, all stored numbers of
/// quantised tensors, 0 and 1 for other integers (which may be indices), and of the sizes that they have in
/// networks for biases and scales of quantised products.
TensorBytes random_inputs(const LayerDesc& layer);

/// What one kernel made of a layer.
struct LayerRun {
  TensorBytes outputs;
  std::vector<double> run_us = {};  ///< sorted
};

/// How often a kernel runs a layer.
struct RunSettings {
  int threads = 1;
  ThreadPool* pool = nullptr;  ///< null: one thread
  double warmup_s = 0;         ///< one run at least
  double duration_s = 0;       ///< one run at least
  int iterations = 0;          ///< instead of duration_s, unless 0
};

/// Packs, binds and runs a kernel that supports the layer as described, as a program would. Errors: those of
/// the kernel and of check_memory, kOutOfMemory.
Result<LayerRun> run_kernel(const Kernel& kernel, const LayerDesc& layer, const TensorBytes& inputs,
                            const RunSettings& settings);

/// The outputs by the reference kernels, one part of a region after the other. Errors: those of run_kernel,
/// kModelUnsupported (a part that no reference kernel of this build runs).
Result<TensorBytes> reference_outputs(const LayerDesc& layer, const TensorBytes& inputs);

}  // namespace fettle::cli
