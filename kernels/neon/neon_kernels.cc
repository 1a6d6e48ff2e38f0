// SPDX-License-Identifier: Apache-2.0
//
// Entries: each algorithm of kernels/common with each instruction set's innermost loops.
#include "kernels/neon/neon_kernels.h"

#include "kernels/common/blocked_layers.h"
#include "kernels/common/cast.h"
#include "kernels/common/convert.h"
#include "kernels/common/dense.h"
#include "kernels/common/depthwise.h"
#include "kernels/common/depthwise_phases.h"
#include "kernels/common/direct.h"
#include "kernels/common/dwpw.h"
#include "kernels/common/indirect.h"
#include "kernels/common/inverted_residual.h"
#include "kernels/common/padded_rows.h"
#include "kernels/common/patches.h"
#include "kernels/common/phases.h"
#include "kernels/common/planar_pixels.h"
#include "kernels/common/pooling.h"
#include "kernels/common/pwdw.h"
#include "kernels/common/winograd.h"
#include "kernels/neon/loops.h"

namespace fettle::kernels {
namespace {

constexpr Op kConv[] = {Op::conv};
constexpr Op kConvTranspose[] = {Op::conv_transpose};
constexpr Op kConvert[] = {Op::convert};
constexpr Op kGemm[] = {Op::gemm};
constexpr Op kMaxPool[] = {Op::max_pool};
constexpr Op kAveragePool[] = {Op::average_pool};
constexpr Op kGlobalMaxPool[] = {Op::global_max_pool};
constexpr Op kGlobalAveragePool[] = {Op::global_average_pool};
constexpr Op kConvAdd[] = {Op::conv, Op::add};
constexpr Op kConvConv[] = {Op::conv, Op::conv};
constexpr Op kConvConvAdd[] = {Op::conv, Op::conv, Op::add};
constexpr Op kConvConvConv[] = {Op::conv, Op::conv, Op::conv};
constexpr Op kConvConvConvAdd[] = {Op::conv, Op::conv, Op::conv, Op::add};

constexpr ConvPairSet kPairNeon = {&kDepthwiseNeon, &kTilesNeon};

constexpr Kernel kEntries[] = {
    entry<Dense, kTilesNeon>("gemm.panels.f32.neon", kNeonFma, kGemm),
    entry<Convert, kConvertNeon>("convert.transpose.f32.neon", kNeonFma, kConvert),
    entry<Cast, kCastNeon>("convert.cast.x16.neon", kNeonFma, kConvert),
    entry<Depthwise, kDepthwiseNeon>("dwconv.direct.f32.neon", kNeonFma, kConv),
    by_default_where(Winograd::pays,
                     entry<Winograd, kWinogradF2Neon>("conv.winograd_f2.f32.neon", kNeonFma, kConv)),
    entry<PaddedRows, kTilesNeon>("conv.padded_rows.f32.neon", kNeonFma, kConv),
    entry<Indirect, kTilesNeon>("conv.indirect.f32.neon", kNeonFma, kConv),
    entry<PlanarPixels, kPlanarPixelsNeon>("conv.planar_pixels.f32.neon", kNeonFma, kConv),
    entry<DepthwisePhases, kDepthwiseNeon>("conv_transpose.depthwise.f32.neon", kNeonFma, kConvTranspose),
    entry<Patches, kTilesNeon>("conv_transpose.patches.f32.neon", kNeonFma, kConvTranspose),
    entry<Phases, kTilesNeon>("conv_transpose.phases.f32.neon", kNeonFma, kConvTranspose),
    rounding(entry<Winograd, kWinogradF4Neon>("conv.winograd_f4.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF4),
    rounding(entry<Winograd, kWinogradF5Neon>("conv.winograd_f5.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF5),
    rounding(entry<Winograd, kWinogradF6Neon>("conv.winograd_f6.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF6),
    over_residual(entry<Indirect, kTilesNeon>("conv.indirect_add.f32.neon", kNeonFma, kConvAdd)),
    over_residual(entry<Winograd, kWinogradF2Neon>("conv.winograd_f2_add.f32.neon", kNeonFma, kConvAdd)),
    rounding(
        over_residual(entry<Winograd, kWinogradF4Neon>("conv.winograd_f4_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF4),
    rounding(
        over_residual(entry<Winograd, kWinogradF5Neon>("conv.winograd_f5_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF5),
    rounding(
        over_residual(entry<Winograd, kWinogradF6Neon>("conv.winograd_f6_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF6),
    entry<Pool, kMaxPoolNeon>("max_pool.direct.f32.neon", kNeonFma, kMaxPool),
    entry<Pool, kMaxPoolNeon>("global_max_pool.direct.f32.neon", kNeonFma, kGlobalMaxPool),
    entry<Pool, kAveragePoolNeon>("average_pool.direct.f32.neon", kNeonFma, kAveragePool),
    entry<InvertedResidual, kPairNeon>("pwdwpw.rows.f32.neon", kNeonFma, kConvConvConv),
    entry<InvertedResidual, kPairNeon>("pwdwpw.rows_add.f32.neon", kNeonFma, kConvConvConvAdd),
    entry<Pwdw, kPairNeon>("pwdw.rows.f32.neon", kNeonFma, kConvConv),
    entry<Dwpw, kPairNeon>("dwpw.rows.f32.neon", kNeonFma, kConvConv),
    over_residual(entry<Dwpw, kPairNeon>("dwpw.rows_add.f32.neon", kNeonFma, kConvConvAdd)),
};

constexpr Kernel kBlockedEntries[] = {
    entry<Direct, kDirectNeon>("conv.direct.f32.neon", kNeonFma, kConv),
    over_residual(entry<Direct, kDirectNeon>("conv.direct_add.f32.neon", kNeonFma, kConvAdd)),
    entry<BlockedPool, kMaxPoolNeon>("max_pool.blocks.f32.neon", kNeonFma, kMaxPool),
    entry<BlockedPool, kAveragePoolNeon>("average_pool.blocks.f32.neon", kNeonFma, kAveragePool),
    entry<BlockedMean, kBlockedNeon>("global_average_pool.blocks.f32.neon", kNeonFma, kGlobalAveragePool),
};

}  // namespace

std::span<const Kernel> neon_kernels() noexcept { return kEntries; }

std::span<const Kernel> neon_blocked_kernels() noexcept { return kBlockedEntries; }

}  // namespace fettle::kernels
