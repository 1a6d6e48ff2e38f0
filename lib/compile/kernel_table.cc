// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/kernel_table.h"

#include "lib/base/core_kind.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

namespace fettle::runtime {

namespace {

bool is_epilogue(std::span<const Op> ops) {
  const auto sums = std::count(ops.begin(), ops.end(), Op::add);
  return !ops.empty() && sums <= 1 && static_cast<std::ptrdiff_t>(ops.size()) - sums <= 1;
}

}  // namespace

bool is_complete(const Kernel* entry) {
  return entry != nullptr && !entry->name.empty() && !entry->pattern.empty() && !entry->signatures.empty() &&
         std::all_of(entry->epilogues.begin(), entry->epilogues.end(), is_epilogue) &&
         entry->supports != nullptr && entry->bind != nullptr &&
         (entry->pack == nullptr) == (entry->packed_bytes == nullptr);
}

KernelTable::KernelTable(std::span<const Kernel* const> own, const Cpu& cpu, NonFinite nonfinite)
    : cpu_(&cpu), nonfinite_(nonfinite) {
  std::copy_if(own.begin(), own.end(), std::back_inserter(entries_), is_complete);
  // Each half of the table by itself: an application's entries stay before all others.
  const bool in_order = only_in_order_cores(cpu);
  const auto prefer = [in_order](auto begin, auto end) {
    if (in_order)
      std::stable_partition(begin, end, [](const Kernel* kernel) { return kernel->for_in_order_cores; });
  };
  prefer(entries_.begin(), entries_.end());
  const std::size_t count = entries_.size();
  for (const Kernel* entry : builtin_kernels()) {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count);
    const bool hidden =
        std::any_of(entries_.begin(), end, [&](const Kernel* mine) { return mine->name == entry->name; });
    if (!hidden) entries_.push_back(entry);
  }
  prefer(entries_.begin() + static_cast<std::ptrdiff_t>(count), entries_.end());
}

const Kernel* KernelTable::find(std::string_view name) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Kernel* kernel) { return kernel->name == name; });
  return entry == entries_.end() ? nullptr : *entry;
}

Refusal KernelTable::check(const Kernel& kernel, const LayerDesc& layer) const {
  const Refusal refusal = refusal_of(kernel, layer, *cpu_);
  return refusal == Refusal::none && !allows(kernel) ? Refusal::nonfinite : refusal;
}

const Kernel* KernelTable::first_for(const LayerDesc& layer) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Kernel* kernel) {
    return kernel->pattern.size() == 1 && check(*kernel, layer) == Refusal::none;
  });
  return entry == entries_.end() ? nullptr : *entry;
}

std::optional<Clamp> take_clamp(LayerDesc& layer) {
  std::optional<Clamp> clamp = layer.parts.back().clamp;
  layer.parts.back().clamp.reset();
  return clamp;
}

}  // namespace fettle::runtime
