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

#include <span>
#include <string_view>

namespace fettle::kernels {
namespace {

template <typename Algorithm, const auto& set>
constexpr Kernel in_order_entry(std::string_view name, std::span<const Op> pattern) {
  Kernel kernel = entry<Algorithm, set>(name, kNeonFma, pattern);
  kernel.for_in_order_cores = true;
  return kernel;
}

constexpr Op kConv[] = {Op::conv};
constexpr Op kConvTranspose[] = {Op::conv_transpose};
constexpr Op kGemm[] = {Op::gemm};
constexpr Op kConvAdd[] = {Op::conv, Op::add};

constexpr Kernel kEntries[] = {
    in_order_entry<Dense, kTilesNeonInOrder>("gemm.panels.f32.neon_in_order", kGemm),
    by_default_where(Winograd::pays, in_order_entry<Winograd, kWinogradF2NeonInOrder>(
                                         "conv.winograd_f2.f32.neon_in_order", kConv)),
    in_order_entry<PaddedRows, kTilesNeonInOrder>("conv.padded_rows.f32.neon_in_order", kConv),
    in_order_entry<Indirect, kTilesNeonInOrder>("conv.indirect.f32.neon_in_order", kConv),
    in_order_entry<Patches, kTilesNeonInOrder>("conv_transpose.patches.f32.neon_in_order", kConvTranspose),
    in_order_entry<Phases, kTilesNeonInOrder>("conv_transpose.phases.f32.neon_in_order", kConvTranspose),
    rounding(in_order_entry<Winograd, kWinogradF4NeonInOrder>("conv.winograd_f4.f32.neon_in_order", kConv),
             kWinogradRoundingF4),
    rounding(in_order_entry<Winograd, kWinogradF5NeonInOrder>("conv.winograd_f5.f32.neon_in_order", kConv),
             kWinogradRoundingF5),
    rounding(in_order_entry<Winograd, kWinogradF6NeonInOrder>("conv.winograd_f6.f32.neon_in_order", kConv),
             kWinogradRoundingF6),
    over_residual(
        in_order_entry<Indirect, kTilesNeonInOrder>("conv.indirect_add.f32.neon_in_order", kConvAdd)),
    over_residual(
        in_order_entry<Winograd, kWinogradF2NeonInOrder>("conv.winograd_f2_add.f32.neon_in_order", kConvAdd)),
    rounding(over_residual(in_order_entry<Winograd, kWinogradF4NeonInOrder>(
                 "conv.winograd_f4_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF4),
    rounding(over_residual(in_order_entry<Winograd, kWinogradF5NeonInOrder>(
                 "conv.winograd_f5_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF5),
    rounding(over_residual(in_order_entry<Winograd, kWinogradF6NeonInOrder>(
                 "conv.winograd_f6_add.f32.neon_in_order", kConvAdd)),
             kWinogradRoundingF6),
};

}  // namespace

std::span<const Kernel> in_order_kernels() noexcept { return kEntries; }

}  // namespace fettle::kernels
