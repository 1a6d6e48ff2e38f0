// SPDX-License-Identifier: Apache-2.0
//
// NEON's rows on a processor without it, for sanitizers: SIMDe makes something else of their instructions.
#include "kernels/neon/neon_kernels.h"
#include "tests/kernels/rows.h"

#include <vector>

namespace fettle::test {

std::span<const Kernel* const> tested_rows() {
  static const std::vector<const Kernel*> rows = [] {
    std::vector<const Kernel*> all;
    for (const Kernel& row : kernels::neon_kernels()) all.push_back(&row);
    for (const Kernel& row : kernels::in_order_kernels()) all.push_back(&row);
    for (const auto& family : {kernels::neon_elementwise_kernels(), kernels::neon_other_kernels()})
      all.insert(all.end(), family.begin(), family.end());
    return all;
  }();
  return rows;
}

const Cpu& tested_cpu() {
  static const Cpu cpu = [] {
    Cpu made = this_cpu();
    made.cores.push_back(kInOrderCore);
    made.isa = made.isa | kernels::kNeonFma;
    return made;
  }();
  return cpu;
}

}  // namespace fettle::test
