// SPDX-License-Identifier: Apache-2.0
//
// Where the kernels for in-order cores are used.
#include "kernels/neon/neon_kernels.h"
#include "lib/compile/kernel_table.h"
#include "tests/kernels/entries.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <vector>

namespace fettle::test {

TEST_CASE("every kernel for in-order cores is marked as one", "[kernels]") {
  for (const Kernel& kernel : kernels::in_order_kernels()) {
    INFO(kernel.name);
    CHECK(kernel.for_in_order_cores == !kernel.name.empty());
  }
  const auto others = kernels::neon_kernels();
  CHECK(std::none_of(others.begin(), others.end(),
                     [](const Kernel& kernel) { return kernel.for_in_order_cores; }));
}

}  // namespace fettle::test
