// SPDX-License-Identifier: Apache-2.0
//
// Where the rows for in-order cores are used.
#include "kernels/neon/neon_kernels.h"
#include "tests/kernels/rows.h"

#include <catch2/catch_test_macros.hpp>

#include <utility>
#include <vector>

namespace fettle::test {
namespace {

const CoreKind kReordering{.name = "Cortex-A72", .midr = 0x410fd083, .count = 2};
const CoreKind kUnknown{.name = "Arm", .midr = 0, .count = 4};

Cpu cpu_of(std::vector<CoreKind> cores) { return {.isa = kernels::kNeonFma, .cores = std::move(cores)}; }

}  // namespace

TEST_CASE("rows for in-order cores are refused where there are none", "[kernels]") {
  const LayerDesc nothing;
  for (const Kernel& kernel : kernels::in_order_kernels()) {
    INFO(kernel.name);
    CHECK(kernel.supports(nothing, cpu_of({kReordering})) == Refusal::isa);
    CHECK(kernel.supports(nothing, cpu_of({kUnknown})) == Refusal::isa);
  }
}

TEST_CASE("rows for in-order cores come first where there are no others", "[kernels]") {
  CHECK(kernels::only_in_order(cpu_of({kInOrderCore})));
  CHECK_FALSE(kernels::only_in_order(cpu_of({kReordering, kInOrderCore})));
  CHECK_FALSE(kernels::only_in_order(cpu_of({kUnknown})));
  CHECK_FALSE(kernels::only_in_order(cpu_of({})));
}

}  // namespace fettle::test
