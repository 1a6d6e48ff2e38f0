// SPDX-License-Identifier: Apache-2.0
//
// NEON's entries on a processor without it, for sanitizers: SIMDe makes something else of their instructions.
#include "kernels/neon/neon_kernels.h"
#include "tests/kernels/entries.h"

#include <vector>

namespace fettle::test {

std::span<const Kernel* const> tested_entries() {
  static const std::vector<const Kernel*> entries = [] {
    std::vector<const Kernel*> all;
    for (const Kernel& entry : kernels::neon_kernels()) all.push_back(&entry);
    for (const Kernel& entry : kernels::in_order_kernels()) all.push_back(&entry);
    for (const auto& family : {kernels::neon_elementwise_kernels(), kernels::neon_other_kernels()})
      all.insert(all.end(), family.begin(), family.end());
    return all;
  }();
  return entries;
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
