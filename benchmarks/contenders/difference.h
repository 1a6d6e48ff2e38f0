// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "benchmarks/contenders/contender.h"

namespace fettle::benchmarks {

/// The greatest difference between two runtimes' outputs, relative to the largest number of the wanted output
/// that it is in. Infinite where numbers or sizes of outputs are not the same.
double relative_error(const std::vector<Values>& got, const std::vector<Values>& wanted);

}  // namespace fettle::benchmarks
