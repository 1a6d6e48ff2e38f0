// SPDX-License-Identifier: Apache-2.0
//
// The results of a comparison as Markdown, for people.
#pragma once

#include "benchmarks/compare/results.h"

#include <string>

namespace fettle::benchmarks {

/// For each number of threads the latencies, with what Fettle's stand to the best peer's; then the scores
/// against each rival (not where networks stand beside the same in floats); and load time and memory.
std::string markdown(const Comparison& comparison);

}  // namespace fettle::benchmarks
