// SPDX-License-Identifier: Apache-2.0
//
// The hand-written kernels for Arm's NEON: aarch64, and armv7 with fused multiply-adds.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// Rows in order of preference. Constant data.
std::span<const Kernel> neon_kernels() noexcept;
/// Those that work in blocks of channels alone, which pays where neighbours do so too: nobody's default.
std::span<const Kernel> neon_blocked_kernels() noexcept;

}  // namespace fettle::kernels
