// SPDX-License-Identifier: Apache-2.0
//
// What is known of a kind of core by its part number.
#pragma once

#include <fettle/cpu.h>

namespace fettle {

/// Whether the core executes instructions in program order (Cortex-A7, A53, A55, ...).
bool is_in_order(const CoreKind& core) noexcept;
bool has_in_order_core(const Cpu& cpu) noexcept;
/// Whether the CPU has no other cores; false where its cores are not known.
bool only_in_order_cores(const Cpu& cpu) noexcept;

}  // namespace fettle
