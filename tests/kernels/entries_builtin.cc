// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/entries.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {

std::span<const Kernel* const> tested_entries() { return builtin_kernels(); }

const Cpu& tested_cpu() {
  static const Cpu cpu = [] {
    Cpu made = this_cpu();
    made.cores.push_back(kInOrderCore);
    return made;
  }();
  return cpu;
}

TEST_CASE("built-in entries are found by their names", "[kernels]") {
  for (const Kernel* kernel : builtin_kernels()) CHECK(find_builtin_kernel(kernel->name) == kernel);
}

}  // namespace fettle::test
