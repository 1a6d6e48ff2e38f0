// SPDX-License-Identifier: Apache-2.0
//
// Builds that hold only some kernels (FETTLE_KERNELS in CMake). The factories of entries pass them through
// if_selected: what is left out becomes an empty entry, which refers to no function, so that nothing of the
// kernel is linked. Epilogues are left out one by one: a selected "conv.indirect.f32.avx512+hard_swish" is
// the kernel with that epilogue, and as many of these as there are; "conv.indirect.f32.avx512" the one
// without any.
#pragma once

#include "kernels/op_text.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>

#if FETTLE_SELECTED_KERNELS
#include "selected_kernels.h"  // made by CMake: kSelectedKernels
#endif

namespace fettle::kernels {

/// What `selected` says behind the name: "" or "+hard_swish"; false where it is another kernel's.
constexpr bool takes_name(std::string_view& selected, std::string_view name) {
  if (!selected.starts_with(name)) return false;
  selected.remove_prefix(name.size());
  return selected.empty() || selected.front() == '+';
}

/// Whether the build holds the kernel of that name, with any epilogue or none.
constexpr bool is_selected([[maybe_unused]] std::string_view name) {
#if FETTLE_SELECTED_KERNELS
  return std::any_of(std::begin(kSelectedKernels), std::end(kSelectedKernels),
                     [name](std::string_view selected) { return takes_name(selected, name); });
#else
  return !name.empty();
#endif
}

/// Whether it holds the kernel with that epilogue.
constexpr bool is_selected([[maybe_unused]] std::string_view name,
                           [[maybe_unused]] std::span<const Op> epilogue) {
#if FETTLE_SELECTED_KERNELS
  return std::any_of(std::begin(kSelectedKernels), std::end(kSelectedKernels),
                     [=](std::string_view selected) {
                       if (!takes_name(selected, name)) return false;
                       for (const Op op : epilogue) {
                         if (!selected.starts_with('+')) return false;
                         selected.remove_prefix(1);
                         if (!takes_name(selected, op_text(op))) return false;
                       }
                       return selected.empty();
                     });
#else
  return true;
#endif
}

/// The entry, or an empty one where the build leaves it out. To be called last: what a factory adds to an
/// entry must not make an empty one refer to functions again.
constexpr Kernel if_selected(const Kernel& entry) { return is_selected(entry.name) ? entry : Kernel{}; }

/// Whether an entry of the tables is there. Tables that are put together leave out those that are not.
constexpr bool is_there(const Kernel& entry) { return !entry.name.empty(); }

/// Its address, or null: a table of these refers to no entry that is left out, so that the linker drops it.
constexpr const Kernel* kept(const Kernel& entry) { return is_there(entry) ? &entry : nullptr; }

/// The entries of an array that are there, and their addresses.
template <const auto& entries>
inline constexpr auto kKeptEntries = [] {
  std::array<Kernel, std::count_if(std::begin(entries), std::end(entries), is_there)> all{};
  std::copy_if(std::begin(entries), std::end(entries), all.begin(), is_there);
  return all;
}();
template <const auto& entries>
inline constexpr auto kKeptAddresses = [] {
  std::array<const Kernel*, std::size(kKeptEntries<entries>)> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = &kKeptEntries<entries>[i];
  return all;
}();

}  // namespace fettle::kernels
