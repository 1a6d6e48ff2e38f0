// SPDX-License-Identifier: Apache-2.0
//
// Table entries whose tiles are written for in-order cores.
#include "kernels/common/dense.h"
#include "kernels/common/indirect.h"
#include "kernels/common/padded_rows.h"
#include "kernels/common/patches.h"
#include "kernels/common/phases.h"
#include "kernels/common/winograd.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/neon_kernels.h"

#include <fettle/cpu.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

namespace fettle::kernels {
namespace {

// Implementer and part of MIDR_EL1: Arm's own, then Qualcomm's, which are made of a Cortex-A53 or A55.
constexpr std::uint32_t kInOrder[] = {
    0x41'c05, 0x41'c07, 0x41'd01, 0x41'd02, 0x41'd03,  // Cortex-A5, A7, A32, A34, A53
    0x41'd04, 0x41'd05, 0x41'd46, 0x41'd80,            // A35, A55, A510, A520
    0x51'801, 0x51'803, 0x51'805,                      // Kryo 2xx, 3xx, 4xx Silver
};

bool in_order(const CoreKind& core) noexcept {
  const std::uint32_t part = core.midr >> 24 << 12 | (core.midr >> 4 & 0xfff);
  return std::find(std::begin(kInOrder), std::end(kInOrder), part) != std::end(kInOrder);
}

// The row, refused where no core would run it well.
template <typename Algorithm, const auto& set>
constexpr Kernel in_order_row(std::string_view name, std::span<const Op> pattern) {
  Kernel kernel = row<Algorithm, set>(name, kNeonFma, pattern);
  kernel.supports = [](const LayerDesc& layer, const Cpu& cpu) {
    const bool there = std::any_of(cpu.cores.begin(), cpu.cores.end(), in_order);
    return there ? supports<Algorithm, set>(layer) : Refusal::isa;
  };
  return if_selected(kernel);
}

constexpr Op kConv[] = {Op::conv};
constexpr Op kConvTranspose[] = {Op::conv_transpose};
constexpr Op kGemm[] = {Op::gemm};
constexpr Op kConvAdd[] = {Op::conv, Op::add};

constexpr Kernel kRows[] = {
    in_order_row<Dense, kTilesNeonInOrder>("gemm.panels.f32.neon_in_order", kGemm),
    by_default_where(Winograd::pays, in_order_row<Winograd, kWinogradF2NeonInOrder>(
                                         "conv.winograd_f2.f32.neon_in_order", kConv)),
    in_order_row<PaddedRows, kTilesNeonInOrder>("conv.padded_rows.f32.neon_in_order", kConv),
    in_order_row<Indirect, kTilesNeonInOrder>("conv.indirect.f32.neon_in_order", kConv),
    in_order_row<Patches, kTilesNeonInOrder>("conv_transpose.patches.f32.neon_in_order", kConvTranspose),
    in_order_row<Phases, kTilesNeonInOrder>("conv_transpose.phases.f32.neon_in_order", kConvTranspose),
    rounding(in_order_row<Winograd, kWinogradF4NeonInOrder>("conv.winograd_f4.f32.neon_in_order", kConv),
             kWinogradRoundingF4),
    rounding(in_order_row<Winograd, kWinogradF5NeonInOrder>("conv.winograd_f5.f32.neon_in_order", kConv),
             kWinogradRoundingF5),
    rounding(in_order_row<Winograd, kWinogradF6NeonInOrder>("conv.winograd_f6.f32.neon_in_order", kConv),
             kWinogradRoundingF6),
    over_residual(in_order_row<Indirect, kTilesNeonInOrder>("conv.indirect_add.f32.neon_in_order", kConvAdd)),
    over_residual(
        in_order_row<Winograd, kWinogradF2NeonInOrder>("conv.winograd_f2_add.f32.neon_in_order", kConvAdd)),
    rounding(over_residual(in_order_row<Winograd, kWinogradF4NeonInOrder>(
                 "conv.winograd_f4_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF4),
    rounding(over_residual(in_order_row<Winograd, kWinogradF5NeonInOrder>(
                 "conv.winograd_f5_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF5),
    rounding(over_residual(in_order_row<Winograd, kWinogradF6NeonInOrder>(
                 "conv.winograd_f6_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF6),
};

}  // namespace

std::span<const Kernel> in_order_kernels() noexcept { return kRows; }

bool only_in_order(const Cpu& cpu) noexcept {
  return !cpu.cores.empty() && std::all_of(cpu.cores.begin(), cpu.cores.end(), in_order);
}

}  // namespace fettle::kernels
