// SPDX-License-Identifier: Apache-2.0
//
// The hand-written kernels for x86: AVX2 with FMA, and AVX-512.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// Rows in order of preference. Constant data.
std::span<const Kernel> x86_kernels() noexcept;
/// Those that work in blocks of channels alone, which pays where neighbours do so too: nobody's default.
std::span<const Kernel> x86_blocked_kernels() noexcept;

}  // namespace fettle::kernels
