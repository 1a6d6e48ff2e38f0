// SPDX-License-Identifier: Apache-2.0
//
// Which kernels are for in-order cores.
#include "tests/kernels/entries.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {

TEST_CASE("every kernel for in-order cores is marked as one", "[kernels]") {
  int marked = 0;
  for (const Kernel* kernel : tested_entries()) {
    INFO(kernel->name);
    CHECK(kernel->for_in_order_cores == kernel->name.ends_with(".neon_in_order"));
    marked += kernel->for_in_order_cores ? 1 : 0;
  }
  CHECK(marked > 5);
}

}  // namespace fettle::test
