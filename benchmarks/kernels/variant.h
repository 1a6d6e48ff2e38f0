// SPDX-License-Identifier: Apache-2.0
//
// Variants that are timed in turns, so that what disturbs one disturbs the others too.
#pragma once

#include "benchmarks/kernels/timed_kernel.h"

#include <fettle/fettle.h>

#include <functional>
#include <string>
#include <vector>

namespace fettle::benchmarks {

struct Arguments {
  std::string model;
  std::string filter;
  int threads = 1;
  int rounds = 9;
  double turn = 0.01;
  double slowest = 3;
  bool regions = false;
};

struct Variant {
  TimedKernel kernel;
  std::vector<double> us = {};

  double median();
};

/// Those of `all` that `wanted` takes and that run `layer`, without the reference, which takes too long.
std::vector<Variant> make_variants(const LayerDesc& layer, const LayerVariants& all,
                                   const Arguments& arguments, ThreadPool* pool,
                                   const std::function<bool(const VariantInfo&)>& wanted);

/// Times all of them in rounds, and sorts each list from the fastest to the slowest.
void time_in_turns(std::vector<std::vector<Variant>>& lists, const Arguments& arguments);

}  // namespace fettle::benchmarks
