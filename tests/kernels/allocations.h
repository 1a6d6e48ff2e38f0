// SPDX-License-Identifier: Apache-2.0
//
// Counts allocations at the level of malloc, in all threads.
#pragma once

namespace fettle::test {

/// How many there have been; always 0 where a sanitizer or another C library has its own malloc.
long allocations() noexcept;

}  // namespace fettle::test
