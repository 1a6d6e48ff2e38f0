// SPDX-License-Identifier: Apache-2.0
//
// HWCAP bits: Linux, Documentation/arch/arm64/elf_hwcaps.rst; arch/arm/include/uapi/asm/hwcap.h. Core ids:
// Arm Architecture Reference Manual, MIDR_EL1.
#if defined(__aarch64__) || defined(__arm__)

#include "lib/base/cpu.h"

#include <sys/auxv.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fettle {
namespace {

struct PartName {
  std::uint32_t part;
  const char* name;
};
constexpr std::uint32_t kArmLtd = 0x41;
constexpr PartName kArmParts[] = {
    {0xc05, "Cortex-A5"},  {0xc07, "Cortex-A7"},   {0xc08, "Cortex-A8"},   {0xc09, "Cortex-A9"},
    {0xc0f, "Cortex-A15"}, {0xd03, "Cortex-A53"},  {0xd04, "Cortex-A35"},  {0xd05, "Cortex-A55"},
    {0xd07, "Cortex-A57"}, {0xd08, "Cortex-A72"},  {0xd09, "Cortex-A73"},  {0xd0a, "Cortex-A75"},
    {0xd0b, "Cortex-A76"}, {0xd0c, "Neoverse-N1"}, {0xd0d, "Cortex-A77"},  {0xd40, "Neoverse-V1"},
    {0xd41, "Cortex-A78"}, {0xd44, "Cortex-X1"},   {0xd46, "Cortex-A510"}, {0xd47, "Cortex-A710"},
    {0xd48, "Cortex-X2"},  {0xd49, "Neoverse-N2"}, {0xd4d, "Cortex-A715"}, {0xd4e, "Cortex-X3"},
};

// One "key : value" of the n-th processor in /proc/cpuinfo; 0 when it is not there.
std::uint32_t cpuinfo_field(int core, const char* key) {
  std::FILE* file = std::fopen("/proc/cpuinfo", "r");
  if (file == nullptr) return 0;
  char line[512];
  int current = -1;
  std::uint32_t value = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const char* colon = std::strchr(line, ':');
    if (colon == nullptr) continue;
    if (std::strncmp(line, "processor", 9) == 0)
      current = static_cast<int>(std::strtol(colon + 1, nullptr, 0));
    if (current == core && std::strncmp(line, key, std::strlen(key)) == 0)
      value = static_cast<std::uint32_t>(std::strtoul(colon + 1, nullptr, 0));
  }
  std::fclose(file);
  return value;
}

}  // namespace

#if defined(__aarch64__)
Isa detect_isa() noexcept {
  const unsigned long caps = getauxval(AT_HWCAP);
  const unsigned long caps2 = getauxval(AT_HWCAP2);
  Isa isa = Isa::neon | Isa::neon_fma;
  const auto add = [&](bool there, Isa extension) {
    if (there) isa = isa | extension;
  };
  add((caps >> 9 & 1) != 0 && (caps >> 10 & 1) != 0, Isa::fp16);  // FPHP and ASIMDHP
  add((caps >> 20 & 1) != 0, Isa::dotprod);
  add((caps >> 22 & 1) != 0, Isa::sve);
  add((caps2 >> 13 & 1) != 0, Isa::i8mm);
  add((caps2 >> 14 & 1) != 0, Isa::bf16);
  return isa;
}
#else
Isa detect_isa() noexcept {
  const unsigned long caps = getauxval(AT_HWCAP);
  Isa isa = Isa::none;
  if ((caps >> 12 & 1) != 0) isa = isa | Isa::neon;
  if ((caps >> 12 & 1) != 0 && (caps >> 16 & 1) != 0) isa = isa | Isa::neon_fma;  // VFPv4
  return isa;
}
#endif

std::uint32_t core_id(int core) {
  const std::string path =
      "/sys/devices/system/cpu/cpu" + std::to_string(core) + "/regs/identification/midr_el1";
  if (const auto midr = read_number(path)) return static_cast<std::uint32_t>(*midr);
  const std::uint32_t part = cpuinfo_field(core, "CPU part");
  if (part == 0) return 0;
  return cpuinfo_field(core, "CPU implementer") << 24 | cpuinfo_field(core, "CPU variant") << 20 |
         0xfu << 16 | part << 4 | cpuinfo_field(core, "CPU revision");
}

std::string core_name(std::uint32_t id) {
  if (id >> 24 == kArmLtd) {
    for (const PartName& entry : kArmParts) {
      if (entry.part == (id >> 4 & 0xfff)) return entry.name;
    }
  }
  char text[32];
  std::snprintf(text, sizeof text, "Arm 0x%08x", static_cast<unsigned>(id));
  return id == 0 ? "Arm" : text;
}

// Arm tells cache sizes to the kernel alone.
void detect_caches(CoreKind&, std::size_t&) noexcept {}

}  // namespace fettle

#endif
