// SPDX-License-Identifier: Apache-2.0
//
// NEON's entries on a processor without it, for sanitizers: SIMDe makes something else of their instructions.
#include "kernels/neon/instruction_sets.h"
#include "kernels/order/order.h"
#include "tests/kernels/entries.h"

#include <vector>

namespace fettle::test {

std::span<const Kernel* const> tested_entries() {
  static const std::vector<const Kernel*> entries = [] {
    kernels::KernelList list;
    for (const auto add : kernels::neon_order::kLists) add(list);
    std::vector<const Kernel*> all;
    for (const Kernel* entry : list.span()) {
      // Those in blocks of channels have no blocks of NEON's size in a program for this CPU.
      const bool in_blocks = entry->signatures.front().input.layout == Layout::nchwc;
      if (has_all(entry->isa, kernels::Neon::kIsa) && !in_blocks) all.push_back(entry);
    }
    return all;
  }();
  return entries;
}

const Cpu& tested_cpu() {
  static const Cpu cpu = [] {
    Cpu made = this_cpu();
    made.cores.push_back(kInOrderCore);
    made.isa = made.isa | kernels::Neon::kIsa;
    return made;
  }();
  return cpu;
}

}  // namespace fettle::test
