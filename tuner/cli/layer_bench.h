// SPDX-License-Identifier: Apache-2.0
//
// fettle bench --layer: one layer by itself, with the kernels that run it.
#pragma once

#include <fettle/kernel.h>

#include <string>

namespace fettle::cli {

struct LayerBenchArguments {
  std::string layer;   ///< as LayerDesc::parse reads it
  std::string kernel;  ///< empty: every kernel of this build
  int threads = 1;
  double warmup_s = 0;    ///< of each kernel
  double duration_s = 0;  ///< of each kernel
  int iterations = 0;     ///< instead of duration_s, unless 0
  NonFinite nonfinite = NonFinite::spreads_in_tile;
  bool json = false;
};

/// Prints what each kernel takes for the layer and how far its results are from the reference. The exit code:
/// kDifferent where no kernel runs it.
int bench_layer(const LayerBenchArguments& arguments);

}  // namespace fettle::cli
