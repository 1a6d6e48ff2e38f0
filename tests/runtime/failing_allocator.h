// SPDX-License-Identifier: Apache-2.0
//
// Replaces the whole program's allocator by one that can be told to fail. At the level of malloc with the GNU
// C library; at the level of operator new under sanitizers, which have an allocator of their own.
#pragma once

#include <limits>

namespace fettle::test {

inline constexpr long kAllAllocations = std::numeric_limits<long>::max();

/// Whether this program has the failing allocator.
bool allocations_can_fail();
/// From now on `count` allocations succeed, in all threads together, and all after them fail.
void allow_allocations(long count);
/// Blocks that have not been given back.
long blocks_alive();

}  // namespace fettle::test
