// SPDX-License-Identifier: Apache-2.0
//
// CPUID: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID.
#if defined(__x86_64__) || defined(__i386__)

#include "lib/base/cpu.h"

#include <cpuid.h>

#include <cstring>

namespace fettle {
namespace {

struct Leaf {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
};

Leaf cpuid(unsigned leaf, unsigned sub = 0) noexcept {
  Leaf result;
  __get_cpuid_count(leaf, sub, &result.eax, &result.ebx, &result.ecx, &result.edx);
  return result;
}

constexpr bool bit(unsigned word, int index) noexcept { return (word >> index & 1u) != 0; }

// Which register states the operating system saves; without that an extension must not be used.
std::uint64_t enabled_states(const Leaf& one) noexcept {
  if (!bit(one.ecx, 27)) return 0;
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

}  // namespace

Isa detect_isa() noexcept {
  const Leaf one = cpuid(1);
  const Leaf seven = cpuid(7);
  const std::uint64_t states = enabled_states(one);
  const bool avx_state = (states & 0x6) == 0x6;
  const bool avx512_state = (states & 0xe6) == 0xe6;
  Isa isa = Isa::none;
  const auto add = [&](bool there, Isa extension) {
    if (there) isa = isa | extension;
  };
  add(bit(one.ecx, 19), Isa::sse41);
  add(avx_state && bit(one.ecx, 28), Isa::avx);
  add(avx_state && bit(one.ecx, 29), Isa::f16c);
  add(avx_state && bit(one.ecx, 12), Isa::fma3);
  add(avx_state && bit(seven.ebx, 5), Isa::avx2);
  add(avx512_state && bit(seven.ebx, 16), Isa::avx512f);
  add(avx512_state && bit(seven.ebx, 17), Isa::avx512dq);
  add(avx512_state && bit(seven.ebx, 28), Isa::avx512cd);
  add(avx512_state && bit(seven.ebx, 30), Isa::avx512bw);
  add(avx512_state && bit(seven.ebx, 31), Isa::avx512vl);
  add(avx512_state && bit(seven.ecx, 1), Isa::avx512vbmi);
  add(avx512_state && bit(seven.ecx, 11), Isa::avx512vnni);
  add((states & 0x60000) == 0x60000 && bit(seven.edx, 25), Isa::amx_int8);
  return isa;
}

std::uint32_t core_id(int) { return cpuid(1).eax; }

std::string core_name(std::uint32_t) {
  char name[49] = {};
  // The compilers do not agree on the sign of its result.
  if (static_cast<unsigned>(__get_cpuid_max(0x80000000u, nullptr)) < 0x80000004u) return "x86";
  for (unsigned i = 0; i < 3; ++i) {
    const Leaf leaf = cpuid(0x80000002u + i);
    std::memcpy(name + std::size_t{16} * i, &leaf, 16);
  }
  std::string text(name);
  text.erase(0, text.find_first_not_of(' '));
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

void detect_caches(CoreKind& kind, std::size_t& l3_bytes) noexcept {
  for (unsigned index = 0; index < 16; ++index) {
    const Leaf leaf = cpuid(4, index);
    const unsigned type = leaf.eax & 31;
    if (type == 0) return;
    if (type == 2) continue;  // instructions
    const std::size_t bytes = std::size_t{(leaf.ebx >> 22) + 1} * ((leaf.ebx >> 12 & 0x3ff) + 1) *
                              ((leaf.ebx & 0xfff) + 1) * (leaf.ecx + 1);
    const unsigned level = leaf.eax >> 5 & 7;
    if (level == 1) kind.l1d_bytes = bytes;
    if (level == 2) kind.l2_bytes = bytes;
    if (level == 3) l3_bytes = bytes;
  }
}

}  // namespace fettle

#endif
