// SPDX-License-Identifier: Apache-2.0
//
// The architecture's part of CPU detection; see this_cpu() in <fettle/cpu.h>.
#pragma once

#include <fettle/cpu.h>

#include <optional>
#include <string>

namespace fettle {

/// Instruction set extensions that CPU and operating system allow.
Isa detect_isa() noexcept;
/// The id of one core (MIDR; on x86 CPUID's signature); 0 when the system does not tell.
std::uint32_t core_id(int core);
/// The name of a kind of core.
std::string core_name(std::uint32_t id);
/// Caches where sysfs does not describe them.
void detect_caches(CoreKind& kind, std::size_t& l3_bytes) noexcept;

/// The number in a sysfs file: decimal, 0x hexadecimal, or with a K or M suffix.
std::optional<std::uint64_t> read_number(const std::string& path);

}  // namespace fettle
