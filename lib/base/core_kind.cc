// SPDX-License-Identifier: Apache-2.0
#include "lib/base/core_kind.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace fettle {
namespace {

// Implementer and part of MIDR_EL1: Arm's own, then Qualcomm's, which are made of a Cortex-A53 or A55.
constexpr std::uint32_t kInOrderParts[] = {
    0x41'c05, 0x41'c07, 0x41'd01, 0x41'd02, 0x41'd03,  // Cortex-A5, A7, A32, A34, A53
    0x41'd04, 0x41'd05, 0x41'd46, 0x41'd80,            // A35, A55, A510, A520
    0x51'801, 0x51'803, 0x51'805,                      // Kryo 2xx, 3xx, 4xx Silver
};

}  // namespace

bool is_in_order(const CoreKind& core) noexcept {
  const std::uint32_t part = core.midr >> 24 << 12 | (core.midr >> 4 & 0xfff);
  return std::find(std::begin(kInOrderParts), std::end(kInOrderParts), part) != std::end(kInOrderParts);
}

bool has_in_order_core(const Cpu& cpu) noexcept {
  return std::any_of(cpu.cores.begin(), cpu.cores.end(), is_in_order);
}

bool only_in_order_cores(const Cpu& cpu) noexcept {
  return !cpu.cores.empty() && std::all_of(cpu.cores.begin(), cpu.cores.end(), is_in_order);
}

}  // namespace fettle
