// SPDX-License-Identifier: Apache-2.0
//
// The order of the kernels of each operator: the static defaults take the first that runs a layer (and says
// that it pays, where an entry has a rule). One file for each family of operators reads from top to bottom as
// that order; registry.cc joins them, and puts the reference kernels behind all others.
//
// Kernels for in-order cores stand behind those for any core; where the CPU has no others, they are taken
// first (lib/compile/kernel_table.cc).
#pragma once

#include "kernels/selection.h"
#include "lib/base/static_vector.h"

#include <fettle/kernel.h>

#include <initializer_list>
#include <span>

// What the lists are compiled for. A test has NEON's on a processor without it.
#if defined(FETTLE_ORDER_FOR_NEON) || defined(__aarch64__) || defined(__arm__)
#define FETTLE_ORDER_NEON 1
#define FETTLE_ORDER neon_order
#elif defined(__x86_64__) || defined(__i386__)
#define FETTLE_ORDER_X86 1
#define FETTLE_ORDER x86_order
#else
#define FETTLE_ORDER plain_order
#endif

namespace fettle::kernels {

/// Entries in order; those that the build leaves out are passed over.
class KernelList {
 public:
  void add(std::initializer_list<const Kernel*> entries) noexcept {
    add(std::span(entries.begin(), entries.size()));
  }
  void add(std::span<const Kernel* const> entries) noexcept {
    for (const Kernel* entry : entries) {
      if (entry != nullptr && is_there(*entry)) entries_.push_back(entry);
    }
  }
  std::span<const Kernel* const> span() const noexcept { return entries_.span(); }

 private:
  StaticVector<const Kernel*, 1024> entries_;
};

namespace FETTLE_ORDER {

/// Convolutions and transposed ones.
void list_convolutions(KernelList& list) noexcept;
/// Dense layers and products of matrices.
void list_products(KernelList& list) noexcept;
void list_pooling(KernelList& list) noexcept;
/// Operators that work element by element.
void list_elementwise(KernelList& list) noexcept;
/// Softmax, means over axes, normalisations.
void list_normalisation(KernelList& list) noexcept;
/// Changes of format: layouts, types, quantisation.
void list_conversions(KernelList& list) noexcept;
/// Operators that move elements, resize pictures, choose.
void list_movement(KernelList& list) noexcept;
void list_recurrent(KernelList& list) noexcept;
/// Patterns of several operators. Only plans take them.
void list_regions(KernelList& list) noexcept;

/// All of them. Operators that are in none have the reference kernels alone.
inline constexpr void (*kLists[])(KernelList& list) noexcept = {
    list_convolutions, list_products, list_pooling,   list_elementwise, list_normalisation,
    list_conversions,  list_movement, list_recurrent, list_regions};

}  // namespace FETTLE_ORDER
namespace order = FETTLE_ORDER;

}  // namespace fettle::kernels
