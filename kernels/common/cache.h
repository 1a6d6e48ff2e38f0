// SPDX-License-Identifier: Apache-2.0
//
// How much a core's caches hold, for the sizes of blocks.
#pragma once

#include <cstdint>

namespace fettle::kernels {

/// Floats that the L2 cache of this CPU's fastest core holds; a small cache's where the system does not tell.
std::int64_t l2_floats() noexcept;

/// Into how many groups the weights of a product are cut, which pass the inputs one after the other. Weights
/// come from memory in a network: while a group is multiplied the next one is fetched, so that only the first
/// is waited for, and small groups make that short. But each reads the inputs again, which therefore have to
/// stay in L2.
std::int64_t weight_groups(std::int64_t weight_floats, std::int64_t input_floats) noexcept;

}  // namespace fettle::kernels
