// SPDX-License-Identifier: Apache-2.0
//
// Compares every layer of a running network with the reference kernels.
#pragma once

#include <fettle/fettle.h>

#include <span>
#include <string>
#include <vector>

namespace fettle::cli {

/// Largest difference, relative to the largest absolute reference value; infinite for NaN on either side
/// and for an infinity that only one side has.
double relative_error(std::span<const float> values, std::span<const float> reference);

struct LayerComparison {
  std::string layer;
  std::string kernel;
  std::string desc;
  double relative_error = 0;
};

/// Runs `runtime` on the inputs it holds, and the same network on reference kernels alone, and compares the
/// f32 results of each step in order. Results inside a region are not visible and not compared.
Result<std::vector<LayerComparison>> compare_layers(const Model& model, Runtime& runtime,
                                                    const CompileOptions& options);

}  // namespace fettle::cli
