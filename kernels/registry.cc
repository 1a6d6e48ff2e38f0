// SPDX-License-Identifier: Apache-2.0
//
// The one table of the library's kernels, in order of preference for the static defaults.
#include "kernels/portable/portable_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "kernels/selection.h"
#include "lib/base/static_vector.h"
#if defined(__x86_64__) || defined(__i386__)
#include "kernels/x86/x86_kernels.h"
#elif defined(__aarch64__) || defined(__arm__)
#include "kernels/neon/neon_kernels.h"
#endif
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/xnnpack_kernels.h"
#endif

#include <fettle/kernel.h>

#include <span>
#include <string_view>

namespace fettle {
namespace {

class Table {
 public:
  Table() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    add(kernels::x86_kernels());
    add(kernels::x86_elementwise_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    add(kernels::neon_kernels());
    add(kernels::in_order_kernels());
    add(kernels::neon_elementwise_kernels());
#endif
#if FETTLE_WITH_XNNPACK
    add(kernels::xnnpack_kernels());
#endif
#if defined(__x86_64__) || defined(__i386__)
    add(kernels::x86_other_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    add(kernels::neon_other_kernels());
#endif
    add(kernels::portable_kernels());
#if defined(__x86_64__) || defined(__i386__)
    add(kernels::x86_blocked_kernels());
    add(kernels::x86_blocked_elementwise_kernels());
#elif defined(__aarch64__) || defined(__arm__)
    add(kernels::neon_blocked_kernels());
    add(kernels::neon_blocked_elementwise_kernels());
#endif
    add(kernels::reference_kernels());
  }
  std::span<const Kernel* const> entries() const noexcept { return entries_.span(); }

 private:
  void add(std::span<const Kernel* const> more) noexcept {
    for (const Kernel* entry : more) add(*entry);
  }
  void add(std::span<const Kernel> more) noexcept {
    for (const Kernel& entry : more) add(entry);
  }
  void add(const Kernel& entry) noexcept {
    if (kernels::is_there(entry)) entries_.push_back(&entry);
  }

  StaticVector<const Kernel*, 1024> entries_;
};

}  // namespace

std::span<const Kernel* const> builtin_kernels() noexcept {
  static const Table table;
  return table.entries();
}

const Kernel* find_builtin_kernel(std::string_view name) noexcept {
  for (const Kernel* entry : builtin_kernels()) {
    if (entry->name == name) return entry;
  }
  return nullptr;
}

}  // namespace fettle
