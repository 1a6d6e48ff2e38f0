// SPDX-License-Identifier: Apache-2.0
//
// Which rows the generic test is about; each executable that has it brings its own.
#pragma once

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <span>

namespace fettle::test {

/// The rows, in order of preference.
std::span<const Kernel* const> tested_rows();

/// This machine, with what rows want to see that would run on it all the same.
const Cpu& tested_cpu();

/// An in-order core: rows written for such cores are refused where there is none.
inline const CoreKind kInOrderCore{.name = "Cortex-A53", .midr = 0x410fd034, .count = 1};

}  // namespace fettle::test
