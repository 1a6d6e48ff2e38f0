// SPDX-License-Identifier: Apache-2.0
//
// The one table of the library's kernels, in order of preference for the static defaults.
#include "kernels/portable/portable_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "kernels/selection.h"
#if defined(__x86_64__) || defined(__i386__)
#include "kernels/x86/x86_kernels.h"
#elif defined(__aarch64__) || defined(__arm__)
#include "kernels/neon/neon_kernels.h"
#endif
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/xnnpack_kernels.h"
#endif

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <array>

namespace fettle {
namespace {

struct Table {
  std::array<const Kernel*, 1024> rows{};
  std::size_t count = 0;

  void add(std::span<const Kernel* const> more) noexcept {
    for (const Kernel* row : more) add(*row);
  }
  void add(std::span<const Kernel> more) noexcept {
    for (const Kernel& row : more) add(row);
  }
  void add(const Kernel& row) noexcept {
    if (kernels::is_there(row) && count < rows.size()) rows[count++] = &row;
  }
};

const Table& table() noexcept {
  static const Table all = [] {
    Table made;
#if defined(__x86_64__) || defined(__i386__)
    made.add(kernels::x86_kernels());
    made.add(kernels::x86_elementwise_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    const bool in_order = kernels::only_in_order(this_cpu());
    made.add(in_order ? kernels::in_order_kernels() : kernels::neon_kernels());
    made.add(in_order ? kernels::neon_kernels() : kernels::in_order_kernels());
    made.add(kernels::neon_elementwise_kernels());
#endif
#if FETTLE_WITH_XNNPACK
    made.add(kernels::xnnpack_kernels());
#endif
#if defined(__x86_64__) || defined(__i386__)
    made.add(kernels::x86_other_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    made.add(kernels::neon_other_kernels());
#endif
    made.add(kernels::portable_kernels());
#if defined(__x86_64__) || defined(__i386__)
    made.add(kernels::x86_blocked_kernels());
    made.add(kernels::x86_blocked_elementwise_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    made.add(kernels::neon_blocked_kernels());
    made.add(kernels::neon_blocked_elementwise_kernels());
#endif
    made.add(kernels::reference_kernels());
    return made;
  }();
  return all;
}

}  // namespace

std::span<const Kernel* const> builtin_kernels() noexcept { return {table().rows.data(), table().count}; }

const Kernel* find_builtin_kernel(std::string_view name) noexcept {
  for (const Kernel* row : builtin_kernels()) {
    if (row->name == name) return row;
  }
  return nullptr;
}

}  // namespace fettle
