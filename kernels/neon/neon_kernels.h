// SPDX-License-Identifier: Apache-2.0
//
// The hand-written kernels for Arm's NEON: aarch64, and armv7 with fused multiply-adds.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// What fused multiply-adds of vectors need.
#if defined(__arm__)
inline constexpr Isa kNeonFma = Isa::neon | Isa::neon_fma;
#else
inline constexpr Isa kNeonFma = Isa::neon;
#endif

/// Entries for any core, in order of preference. Constant data.
std::span<const Kernel> neon_kernels() noexcept;
/// Those of elementwise operators, alone and behind convolutions and dense layers.
std::span<const Kernel* const> neon_elementwise_kernels() noexcept;
/// Those that come behind other libraries' in the order of preference.
std::span<const Kernel* const> neon_other_kernels() noexcept;

/// The same for in-order cores (Kernel::for_in_order_cores).
std::span<const Kernel> in_order_kernels() noexcept;
/// Those that work in blocks of channels alone, which pays where neighbours do so too: nobody's default.
std::span<const Kernel> neon_blocked_kernels() noexcept;
std::span<const Kernel* const> neon_blocked_elementwise_kernels() noexcept;

}  // namespace fettle::kernels
