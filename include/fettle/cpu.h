// SPDX-License-Identifier: Apache-2.0
//
// What is known of the CPU: instruction set features, cores, caches. Plans and records name the device by it,
// and kernels are refused by it.
#pragma once

#include <fettle/export.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

/// Instruction set extensions that a kernel may require; a set is an OR of them.
enum class Isa : std::uint32_t {
  none = 0,
  // Arm
  neon = 1u << 0,
  neon_fma = 1u << 1,  ///< VFPv4 on armv7; always there on aarch64
  fp16 = 1u << 2,      ///< half-precision arithmetic
  dotprod = 1u << 3,
  i8mm = 1u << 4,
  bf16 = 1u << 5,
  sve = 1u << 6,
  // x86
  sse41 = 1u << 16,
  avx = 1u << 17,
  f16c = 1u << 18,
  fma3 = 1u << 19,
  avx2 = 1u << 20,
  avx512f = 1u << 21,
  avx512bw = 1u << 22,
  avx512dq = 1u << 23,
  avx512vl = 1u << 24,
  avx512vnni = 1u << 25,
  avx512vbmi = 1u << 26,
  avx512cd = 1u << 27,
  amx_int8 = 1u << 28,
};

constexpr Isa operator|(Isa a, Isa b) noexcept {
  return static_cast<Isa>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// Whether every extension in `wanted` is in `have`.
constexpr bool has_all(Isa have, Isa wanted) noexcept {
  return (static_cast<std::uint32_t>(have) & static_cast<std::uint32_t>(wanted)) ==
         static_cast<std::uint32_t>(wanted);
}
/// "neon,dotprod" or "avx2,fma3"; empty for none.
FETTLE_API std::string isa_text(Isa isa);

/// Cores of one kind.
struct CoreKind {
  std::string name;  ///< "Cortex-A53", or the vendor's model name on x86
  /// Arm's main id register; on x86 family, model and stepping as CPUID leaf 1 packs them.
  std::uint32_t midr = 0;
  int count = 0;
  std::size_t l1d_bytes = 0;
  std::size_t l2_bytes = 0;
  std::uint32_t max_khz = 0;  ///< 0 when the system does not tell
};

/// One CPU.
struct Cpu {
  Isa isa = Isa::none;
  std::vector<CoreKind> cores;  ///< the fastest kind first
  std::size_t l3_bytes = 0;

  int core_count() const noexcept {
    int n = 0;
    for (const CoreKind& kind : cores) n += kind.count;
    return n;
  }
};

/// The CPU that this process runs on, detected once; thread-safe.
FETTLE_API const Cpu& this_cpu() noexcept;

}  // namespace fettle
