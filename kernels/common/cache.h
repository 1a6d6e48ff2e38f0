// SPDX-License-Identifier: Apache-2.0
//
// How much a core's caches hold, for the sizes of blocks.
#pragma once

#include <cstdint>

namespace fettle::kernels {

/// Floats that the L2 cache of this CPU's fastest core holds; a small cache's where the system does not tell.
std::int64_t l2_floats() noexcept;

}  // namespace fettle::kernels
