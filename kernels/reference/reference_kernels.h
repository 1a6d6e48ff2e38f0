// SPDX-License-Identifier: Apache-2.0
//
// The reference kernels: slow, obvious, right. One for each operator; the oracle of every test, and what
// folds constants.
#pragma once

#include <fettle/kernel.h>

#include <span>

namespace fettle::kernels {

/// All entries. Constant data.
std::span<const Kernel* const> reference_kernels() noexcept;
/// Whether the entry is one of them.
bool is_reference(const Kernel& kernel) noexcept;

}  // namespace fettle::kernels
