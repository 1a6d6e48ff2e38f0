// SPDX-License-Identifier: Apache-2.0
//
// The hand-written kernels for x86: AVX2 with FMA, and AVX-512.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// Entries in order of preference. Constant data.
std::span<const Kernel> x86_kernels() noexcept;
/// Those of elementwise operators, alone and behind convolutions and dense layers.
std::span<const Kernel* const> x86_elementwise_kernels() noexcept;
/// Those that come behind other libraries' in the order of preference.
std::span<const Kernel* const> x86_other_kernels() noexcept;
/// Those that work in blocks of channels alone, which pays where neighbours do so too: nobody's default.
std::span<const Kernel> x86_blocked_kernels() noexcept;
std::span<const Kernel* const> x86_blocked_elementwise_kernels() noexcept;

}  // namespace fettle::kernels
