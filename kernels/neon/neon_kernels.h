// SPDX-License-Identifier: Apache-2.0
//
// The hand-written kernels for Arm's NEON: aarch64, and armv7 with fused multiply-adds.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// All rows, in order of preference. Constant data.
std::span<const Kernel> neon_kernels() noexcept;
/// Those of elementwise operators, alone and behind convolutions.
std::span<const Kernel* const> neon_elementwise_kernels() noexcept;
/// Those that come behind other libraries' in the order of preference.
std::span<const Kernel* const> neon_other_kernels() noexcept;

}  // namespace fettle::kernels
