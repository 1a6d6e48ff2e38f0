// SPDX-License-Identifier: Apache-2.0
//
// Rows: each algorithm of kernels/common with each instruction set's innermost loops.
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
constexpr Op kCast[] = {Op::cast};
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

constexpr Kernel kRows[] = {
    row<Dense, kTilesNeon>("gemm.panels.f32.neon", kNeonFma, kGemm),
    row<Convert, kConvertNeon>("convert.transpose.f32.neon", kNeonFma, kConvert),
    row<Cast, kCastNeon>("cast.vectors.x16.neon", kNeonFma, kCast),
    row<Depthwise, kDepthwiseNeon>("dwconv.direct.f32.neon", kNeonFma, kConv),
    by_default_where(Winograd::pays,
                     row<Winograd, kWinogradF2Neon>("conv.winograd_f2.f32.neon", kNeonFma, kConv)),
    row<PaddedRows, kTilesNeon>("conv.padded_rows.f32.neon", kNeonFma, kConv),
    row<Indirect, kTilesNeon>("conv.indirect.f32.neon", kNeonFma, kConv),
    row<PlanarPixels, kPlanarPixelsNeon>("conv.planar_pixels.f32.neon", kNeonFma, kConv),
    row<DepthwisePhases, kDepthwiseNeon>("conv_transpose.depthwise.f32.neon", kNeonFma, kConvTranspose),
    row<Patches, kTilesNeon>("conv_transpose.patches.f32.neon", kNeonFma, kConvTranspose),
    row<Phases, kTilesNeon>("conv_transpose.phases.f32.neon", kNeonFma, kConvTranspose),
    rounding(row<Winograd, kWinogradF4Neon>("conv.winograd_f4.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF4),
    rounding(row<Winograd, kWinogradF5Neon>("conv.winograd_f5.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF5),
    rounding(row<Winograd, kWinogradF6Neon>("conv.winograd_f6.f32.neon", kNeonFma, kConv),
             kWinogradRoundingF6),
    over_residual(row<Indirect, kTilesNeon>("conv.indirect_add.f32.neon", kNeonFma, kConvAdd)),
    over_residual(row<Winograd, kWinogradF2Neon>("conv.winograd_f2_add.f32.neon", kNeonFma, kConvAdd)),
    rounding(
        over_residual(row<Winograd, kWinogradF4Neon>("conv.winograd_f4_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF4),
    rounding(
        over_residual(row<Winograd, kWinogradF5Neon>("conv.winograd_f5_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF5),
    rounding(
        over_residual(row<Winograd, kWinogradF6Neon>("conv.winograd_f6_add.f32.neon", kNeonFma, kConvAdd)),
        kWinogradRoundingF6),
    row<Pool, kMaxPoolNeon>("max_pool.direct.f32.neon", kNeonFma, kMaxPool),
    row<Pool, kMaxPoolNeon>("global_max_pool.direct.f32.neon", kNeonFma, kGlobalMaxPool),
    row<Pool, kAveragePoolNeon>("average_pool.direct.f32.neon", kNeonFma, kAveragePool),
    row<InvertedResidual, kPairNeon>("pwdwpw.rows.f32.neon", kNeonFma, kConvConvConv),
    row<InvertedResidual, kPairNeon>("pwdwpw.rows_add.f32.neon", kNeonFma, kConvConvConvAdd),
    row<Pwdw, kPairNeon>("pwdw.rows.f32.neon", kNeonFma, kConvConv),
    row<Dwpw, kPairNeon>("dwpw.rows.f32.neon", kNeonFma, kConvConv),
    over_residual(row<Dwpw, kPairNeon>("dwpw.rows_add.f32.neon", kNeonFma, kConvConvAdd)),
};

constexpr Kernel kBlockedRows[] = {
    row<Direct, kDirectNeon>("conv.direct.f32.neon", kNeonFma, kConv),
    over_residual(row<Direct, kDirectNeon>("conv.direct_add.f32.neon", kNeonFma, kConvAdd)),
    row<BlockedPool, kMaxPoolNeon>("max_pool.blocks.f32.neon", kNeonFma, kMaxPool),
    row<BlockedPool, kAveragePoolNeon>("average_pool.blocks.f32.neon", kNeonFma, kAveragePool),
    row<BlockedMean, kBlockedNeon>("global_average_pool.blocks.f32.neon", kNeonFma, kGlobalAveragePool),
};

}  // namespace

std::span<const Kernel> neon_kernels() noexcept { return kRows; }

std::span<const Kernel> neon_blocked_kernels() noexcept { return kBlockedRows; }

}  // namespace fettle::kernels
