// SPDX-License-Identifier: Apache-2.0
//
// The part of cpuinfo's interface that XNNPACK refers to, answered from Fettle's own description of the CPU.
//
// XNNPACK calls cpuinfo_initialize before anything else, and reads `cpuinfo_isa` only after it; writing the
// same values twice from two threads is avoided by the guard. Every core is reported to be of the fastest
// kind: packed weights and results then do not depend on the core that a thread runs on. AMX is left out, for
// using it asks the system for a larger signal frame in every thread of the application.
#include <fettle/cpu.h>

#include <cpuinfo.h>

#include <atomic>
#include <cstdint>

extern "C" {
#if CPUINFO_ARCH_X86 || CPUINFO_ARCH_X86_64
struct cpuinfo_x86_isa cpuinfo_isa = {};
#elif CPUINFO_ARCH_ARM || CPUINFO_ARCH_ARM64
struct cpuinfo_arm_isa cpuinfo_isa = {};
#endif
}

namespace {

using fettle::Isa;

enum State : int { kNew, kBusy, kDone };
constinit std::atomic<int> g_state{kNew};
constinit cpuinfo_core g_core{};
constinit cpuinfo_uarch_info g_uarch{};

#if CPUINFO_ARCH_ARM || CPUINFO_ARCH_ARM64

// Arm's own designs: the part number of the main id register.
cpuinfo_uarch arm_design(std::uint32_t part, std::uint32_t variant) noexcept {
  switch (part) {
    case 0xc05:
      return cpuinfo_uarch_cortex_a5;
    case 0xc07:
      return cpuinfo_uarch_cortex_a7;
    case 0xc08:
      return cpuinfo_uarch_cortex_a8;
    case 0xc09:
      return cpuinfo_uarch_cortex_a9;
    case 0xc0d:
      return cpuinfo_uarch_cortex_a12;
    case 0xc0e:
      return cpuinfo_uarch_cortex_a17;
    case 0xc0f:
      return cpuinfo_uarch_cortex_a15;
    case 0xd01:
      return cpuinfo_uarch_cortex_a32;
    case 0xd03:
      return cpuinfo_uarch_cortex_a53;
    case 0xd04:
      return cpuinfo_uarch_cortex_a35;
    case 0xd05:
      return variant == 0 ? cpuinfo_uarch_cortex_a55r0 : cpuinfo_uarch_cortex_a55;
    case 0xd06:
      return cpuinfo_uarch_cortex_a65;
    case 0xd07:
      return cpuinfo_uarch_cortex_a57;
    case 0xd08:
      return cpuinfo_uarch_cortex_a72;
    case 0xd09:
      return cpuinfo_uarch_cortex_a73;
    case 0xd0a:
      return cpuinfo_uarch_cortex_a75;
    case 0xd0b:
      return cpuinfo_uarch_cortex_a76;
    case 0xd0c:
      return cpuinfo_uarch_neoverse_n1;
    case 0xd0d:
      return cpuinfo_uarch_cortex_a77;
    case 0xd0e:
      return cpuinfo_uarch_cortex_a76;
    case 0xd40:
      return cpuinfo_uarch_neoverse_v1;
    case 0xd41:
      return cpuinfo_uarch_cortex_a78;
    case 0xd44:
      return cpuinfo_uarch_cortex_x1;
    case 0xd46:
      return cpuinfo_uarch_cortex_a510;
    case 0xd47:
      return cpuinfo_uarch_cortex_a710;
    case 0xd48:
      return cpuinfo_uarch_cortex_x2;
    case 0xd49:
      return cpuinfo_uarch_neoverse_n2;
    case 0xd4d:
      return cpuinfo_uarch_cortex_a715;
    case 0xd4e:
      return cpuinfo_uarch_cortex_x3;
    case 0xd4f:
      return cpuinfo_uarch_neoverse_v2;
    default:
      return cpuinfo_uarch_unknown;
  }
}

cpuinfo_uarch design(std::uint32_t midr) noexcept {
  const std::uint32_t part = midr >> 4 & 0xfff;
  switch (midr >> 24) {
    case 'A':
      return arm_design(part, midr >> 20 & 0xf);
    case 'Q':  // Qualcomm's cores up to the Kryo of the Snapdragon 820 are its own
      if (part == 0x201 || part == 0x205 || part == 0x211) return cpuinfo_uarch_kryo;
      return part == 0x04d || part == 0x06f ? cpuinfo_uarch_krait : cpuinfo_uarch_unknown;
    default:
      return cpuinfo_uarch_unknown;
  }
}

void describe(const fettle::Cpu& cpu) noexcept {
  const auto has = [&](Isa isa) { return has_all(cpu.isa, isa); };
  cpuinfo_isa.fp16arith = has(Isa::fp16);
  cpuinfo_isa.dot = has(Isa::dotprod);
#if CPUINFO_ARCH_ARM64
  cpuinfo_isa.bf16 = has(Isa::bf16);
  cpuinfo_isa.i8mm = has(Isa::i8mm);
  cpuinfo_isa.sve = has(Isa::sve);
#else
  // The hard-float ABI promises armv7 with VFPv3; XNNPACK starts nowhere without these.
  cpuinfo_isa.armv6 = true;
  cpuinfo_isa.armv6k = true;
  cpuinfo_isa.armv7 = true;
  cpuinfo_isa.vfpv2 = true;
  cpuinfo_isa.vfpv3 = true;
  cpuinfo_isa.neon = has(Isa::neon);
  cpuinfo_isa.d32 = has(Isa::neon);
  cpuinfo_isa.fma = has(Isa::neon_fma);
  cpuinfo_isa.fp16 = has(Isa::neon_fma);  // half-precision conversion came with VFPv4
#endif
  const std::uint32_t midr = cpu.cores.empty() ? 0 : cpu.cores.front().midr;
  g_core.uarch = g_uarch.uarch = design(midr);
  g_core.midr = g_uarch.midr = midr;
}

#elif CPUINFO_ARCH_X86 || CPUINFO_ARCH_X86_64

void describe(const fettle::Cpu& cpu) noexcept {
  const auto has = [&](Isa isa) { return has_all(cpu.isa, isa); };
#if CPUINFO_ARCH_X86
  cpuinfo_isa.sse = true;
  cpuinfo_isa.sse2 = true;
#endif
  // Every CPU with SSE4.1 has these two as well.
  cpuinfo_isa.sse3 = has(Isa::sse41);
  cpuinfo_isa.ssse3 = has(Isa::sse41);
  cpuinfo_isa.sse4_1 = has(Isa::sse41);
  cpuinfo_isa.avx = has(Isa::avx);
  cpuinfo_isa.f16c = has(Isa::f16c);
  cpuinfo_isa.fma3 = has(Isa::fma3);
  cpuinfo_isa.avx2 = has(Isa::avx2);
  cpuinfo_isa.avx512f = has(Isa::avx512f);
  cpuinfo_isa.avx512bw = has(Isa::avx512bw);
  cpuinfo_isa.avx512dq = has(Isa::avx512dq);
  cpuinfo_isa.avx512vl = has(Isa::avx512vl);
  cpuinfo_isa.avx512cd = has(Isa::avx512cd);
  cpuinfo_isa.avx512vnni = has(Isa::avx512vnni);
  cpuinfo_isa.avx512vbmi = has(Isa::avx512vbmi);
  g_core.uarch = g_uarch.uarch = cpuinfo_uarch_unknown;
  g_core.cpuid = g_uarch.cpuid = cpu.cores.empty() ? 0 : cpu.cores.front().midr;
}

#endif

}  // namespace

extern "C" {

bool cpuinfo_initialize(void) {
  int state = kNew;
  if (g_state.compare_exchange_strong(state, kBusy, std::memory_order_acquire)) {
    const fettle::Cpu& cpu = fettle::this_cpu();
    describe(cpu);
    g_core.processor_count = 1;
    g_uarch.core_count = g_uarch.processor_count = static_cast<std::uint32_t>(cpu.core_count());
    g_state.store(kDone, std::memory_order_release);
    g_state.notify_all();
  } else if (state == kBusy) {
    g_state.wait(kBusy, std::memory_order_acquire);
  }
  return true;
}

const struct cpuinfo_core* cpuinfo_get_core(uint32_t) { return &g_core; }

// Null past the first: XNNPACK then uses the kernels of the first kind everywhere.
const struct cpuinfo_uarch_info* cpuinfo_get_uarch(uint32_t index) { return index == 0 ? &g_uarch : nullptr; }

}  // extern "C"
