// SPDX-License-Identifier: Apache-2.0
//
// Weights in fewer bits with activations in f32: what such kernels must compute is what others do of the
// rounded weights.
#pragma once

#include "tests/kernels/layers.h"

#include <fettle/kernel.h>

namespace fettle::test {

/// In what type the kernel stores weights that the graph has in f32; `undefined`: as they are.
DataType narrow_weights(const Kernel& kernel);

/// The product, whose constant right operand is rounded as `type` stores it.
TestLayer with_rounded_weights(TestLayer layer, DataType type);

}  // namespace fettle::test
