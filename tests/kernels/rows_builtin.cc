// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/rows.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {

std::span<const Kernel* const> tested_rows() { return builtin_kernels(); }

const Cpu& tested_cpu() {
  static const Cpu cpu = [] {
    Cpu made = this_cpu();
    made.cores.push_back(kInOrderCore);
    return made;
  }();
  return cpu;
}

TEST_CASE("built-in rows are found by their names", "[kernels]") {
  for (const Kernel* kernel : builtin_kernels()) CHECK(find_builtin_kernel(kernel->name) == kernel);
}

TEST_CASE("rows for cores that do not reorder are refused where there are none", "[kernels]") {
  Cpu without = this_cpu();
  without.cores = {{.name = "Cortex-A72", .midr = 0x410fd083, .count = 1}};
  LayerDesc nothing;
  for (const Kernel* kernel : builtin_kernels()) {
    if (!kernel->name.ends_with(".neon_in_order")) continue;
    INFO(kernel->name);
    CHECK(kernel->supports(nothing, without) == Refusal::isa);
  }
}

}  // namespace fettle::test
