// SPDX-License-Identifier: Apache-2.0
//
// Which entries the generic test is about; each executable that has it brings its own.
#pragma once

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <span>

namespace fettle::test {

/// The entries, in order of preference.
std::span<const Kernel* const> tested_entries();

/// This machine, with what entries want to see that would run on it all the same.
const Cpu& tested_cpu();

/// An in-order core: entries written for such cores are refused where there is none.
inline const CoreKind kInOrderCore{.name = "Cortex-A53", .midr = 0x410fd034, .count = 1};

}  // namespace fettle::test
