// SPDX-License-Identifier: Apache-2.0
//
// Compares every layer of a running network with the reference kernels.
#pragma once

#include <fettle/fettle.h>

#include <string>
#include <vector>

namespace fettle::cli {

struct LayerComparison {
  std::string layer;
  std::string kernel;
  std::string desc;
  double relative_error = 0;
};

/// Runs `runtime` on the inputs it holds, and the same network on reference kernels alone, and compares the
/// floating-point results of each step in order: integers of quantised layers may differ by a unit. Results
/// inside a region are not visible and not compared.
Result<std::vector<LayerComparison>> compare_layers(const Model& model, Runtime& runtime,
                                                    const CompileOptions& options);

}  // namespace fettle::cli
