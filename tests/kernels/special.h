// SPDX-License-Identifier: Apache-2.0
//
// NaN, infinities, zeros of both signs, numbers at the ends of the range and subnormal ones: what a kernel
// makes of them beside what it declares (Kernel::nonfinite).
#pragma once

#include "tests/kernels/layers.h"
#include "tests/kernels/variant.h"

namespace fettle::test {

/// A layer with special values among its numbers, and what it must give.
struct SpecialLayer {
  TestLayer layer;
  std::vector<std::vector<std::byte>> expected;
  /// The same where subnormal numbers count as zero, as CPUs may have it.
  std::vector<std::vector<std::byte>> flushed;
};

/// The layer with some of its f32 numbers replaced: few, so that most results are finite, or many.
SpecialLayer with_special_values(const TestLayer& layer, Random& random);

/// Runs the kernel on it and holds it to its declaration. `desc` has formats as the kernel gets them.
void check_special(const Kernel& kernel, const LayerDesc& desc, const SpecialLayer& special);

}  // namespace fettle::test
