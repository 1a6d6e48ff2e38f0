// SPDX-License-Identifier: Apache-2.0
//
// Builds that hold only some kernels (FETTLE_KERNELS in CMake). The factories of entries pass them through
// if_selected: what is left out becomes an empty entry, which refers to no function, so that nothing of the
// kernel is linked.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#if FETTLE_SELECTED_KERNELS
#include "selected_kernels.h"  // made by CMake: kSelectedKernels
#endif

namespace fettle::kernels {

/// Whether the build holds the kernel of that name.
constexpr bool is_selected([[maybe_unused]] std::string_view name) {
#if FETTLE_SELECTED_KERNELS
  return std::find(std::begin(kSelectedKernels), std::end(kSelectedKernels), name) !=
         std::end(kSelectedKernels);
#else
  return !name.empty();
#endif
}

/// The entry, or an empty one where the build leaves it out. To be called last: what a factory adds to an
/// entry must not make an empty one refer to functions again.
constexpr Kernel if_selected(const Kernel& entry) { return is_selected(entry.name) ? entry : Kernel{}; }

/// Whether an entry of the tables is there. Tables that are put together leave out those that are not.
constexpr bool is_there(const Kernel& entry) { return !entry.name.empty(); }

}  // namespace fettle::kernels
