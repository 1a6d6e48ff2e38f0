// SPDX-License-Identifier: Apache-2.0
//
// The evaluator that constant folding is given: the reference kernels.
#pragma once

#include "lib/graph/passes.h"

namespace fettle::runtime {

/// Computes a layer whose inputs are all constant, dense nchw, in the mode in which a run would: whether a
/// value is computed at load or while running makes no difference to subnormal numbers.
graph::Evaluator evaluator(bool keep_subnormals) noexcept;

}  // namespace fettle::runtime
