// SPDX-License-Identifier: Apache-2.0
//
// The portable kernels: Eigen and plain loops, for any CPU.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// All entries, in order of preference. Constant data.
std::span<const Kernel* const> portable_kernels() noexcept;

}  // namespace fettle::kernels
