// SPDX-License-Identifier: Apache-2.0
//
// The one table of the library's kernels: the lists of kernels/order, then the reference.
#include "kernels/order/order.h"
#include "kernels/reference/reference_kernels.h"

#include <fettle/kernel.h>

#include <span>
#include <string_view>

namespace fettle {

std::span<const Kernel* const> builtin_kernels() noexcept {
  static const kernels::KernelList table = [] {
    kernels::KernelList list;
    for (const auto add : kernels::order::kLists) add(list);
    list.add(kernels::reference_kernels());
    return list;
  }();
  return table.span();
}

const Kernel* find_builtin_kernel(std::string_view name) noexcept {
  for (const Kernel* entry : builtin_kernels()) {
    if (entry->name == name) return entry;
  }
  return nullptr;
}

}  // namespace fettle
