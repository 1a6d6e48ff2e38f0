// SPDX-License-Identifier: Apache-2.0
//
// The entries whose kernels are XNNPACK's operators: floats, NHWC.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// All entries, in order of preference. Constant data.
std::span<const Kernel* const> xnnpack_kernels() noexcept;

}  // namespace fettle::kernels
