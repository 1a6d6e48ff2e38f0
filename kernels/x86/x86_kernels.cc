// SPDX-License-Identifier: Apache-2.0
//
// Rows: each algorithm of kernels/common with each instruction set's innermost loops.
#include "kernels/x86/x86_kernels.h"

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
#include "kernels/common/planar_rows.h"
#include "kernels/common/pooling.h"
#include "kernels/common/pwdw.h"
#include "kernels/common/winograd.h"
#include "kernels/x86/loops.h"

namespace fettle::kernels {
namespace {

constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
constexpr Isa kAvx512 = Isa::avx512f | kAvx2;

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

constexpr ConvPairSet kPairAvx512 = {&kDepthwiseAvx512, &kTilesAvx512};
constexpr ConvPairSet kPairAvx2 = {&kDepthwiseAvx2, &kTilesAvx2};

constexpr Kernel kRows[] = {
    row<Dense, kTilesAvx512>("gemm.panels.f32.avx512", kAvx512, kGemm),
    row<Dense, kTilesAvx2>("gemm.panels.f32.avx2", kAvx2, kGemm),
    row<Convert, kConvertAvx512>("convert.transpose.f32.avx512", kAvx512, kConvert),
    row<Convert, kConvertAvx2>("convert.transpose.f32.avx2", kAvx2, kConvert),
    row<Cast, kCastAvx2>("cast.vectors.x16.avx2", kAvx2 | Isa::f16c, kCast),
    row<Depthwise, kDepthwiseAvx512>("dwconv.direct.f32.avx512", kAvx512, kConv),
    row<Depthwise, kDepthwiseAvx2>("dwconv.direct.f32.avx2", kAvx2, kConv),
    by_default_where(PlanarPixels::pays,
                     row<PlanarPixels, kPlanarPixelsAvx512>("conv.planar_pixels.f32.avx512", kAvx512, kConv)),
    by_default_where(PlanarPixels::pays,
                     row<PlanarPixels, kPlanarPixelsAvx2>("conv.planar_pixels.f32.avx2", kAvx2, kConv)),
    row<PlanarRows, kPlanarAvx512>("conv.planar_rows.f32.avx512", kAvx512, kConv),
    row<PlanarRows, kPlanarAvx2>("conv.planar_rows.f32.avx2", kAvx2, kConv),
    by_default_where(Winograd::pays,
                     row<Winograd, kWinogradF2Avx512>("conv.winograd_f2.f32.avx512", kAvx512, kConv)),
    by_default_where(Winograd::pays,
                     row<Winograd, kWinogradF2Avx2>("conv.winograd_f2.f32.avx2", kAvx2, kConv)),
    row<PaddedRows, kTilesAvx512>("conv.padded_rows.f32.avx512", kAvx512, kConv),
    row<PaddedRows, kTilesAvx2>("conv.padded_rows.f32.avx2", kAvx2, kConv),
    row<Indirect, kTilesAvx512>("conv.indirect.f32.avx512", kAvx512, kConv),
    row<Indirect, kTilesAvx2>("conv.indirect.f32.avx2", kAvx2, kConv),
    row<DepthwisePhases, kDepthwiseAvx512>("conv_transpose.depthwise.f32.avx512", kAvx512, kConvTranspose),
    row<DepthwisePhases, kDepthwiseAvx2>("conv_transpose.depthwise.f32.avx2", kAvx2, kConvTranspose),
    row<Patches, kTilesAvx512>("conv_transpose.patches.f32.avx512", kAvx512, kConvTranspose),
    row<Phases, kTilesAvx512>("conv_transpose.phases.f32.avx512", kAvx512, kConvTranspose),
    row<Patches, kTilesAvx2>("conv_transpose.patches.f32.avx2", kAvx2, kConvTranspose),
    row<Phases, kTilesAvx2>("conv_transpose.phases.f32.avx2", kAvx2, kConvTranspose),
    rounding(row<Winograd, kWinogradF4Avx512>("conv.winograd_f4.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF4),
    rounding(row<Winograd, kWinogradF5Avx512>("conv.winograd_f5.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF5),
    rounding(row<Winograd, kWinogradF6Avx512>("conv.winograd_f6.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF6),
    rounding(row<Winograd, kWinogradF4Avx2>("conv.winograd_f4.f32.avx2", kAvx2, kConv), kWinogradRoundingF4),
    rounding(row<Winograd, kWinogradF5Avx2>("conv.winograd_f5.f32.avx2", kAvx2, kConv), kWinogradRoundingF5),
    rounding(row<Winograd, kWinogradF6Avx2>("conv.winograd_f6.f32.avx2", kAvx2, kConv), kWinogradRoundingF6),
    over_residual(row<Indirect, kTilesAvx512>("conv.indirect_add.f32.avx512", kAvx512, kConvAdd)),
    over_residual(row<Indirect, kTilesAvx2>("conv.indirect_add.f32.avx2", kAvx2, kConvAdd)),
    over_residual(row<Winograd, kWinogradF2Avx512>("conv.winograd_f2_add.f32.avx512", kAvx512, kConvAdd)),
    rounding(
        over_residual(row<Winograd, kWinogradF4Avx512>("conv.winograd_f4_add.f32.avx512", kAvx512, kConvAdd)),
        kWinogradRoundingF4),
    rounding(
        over_residual(row<Winograd, kWinogradF5Avx512>("conv.winograd_f5_add.f32.avx512", kAvx512, kConvAdd)),
        kWinogradRoundingF5),
    rounding(
        over_residual(row<Winograd, kWinogradF6Avx512>("conv.winograd_f6_add.f32.avx512", kAvx512, kConvAdd)),
        kWinogradRoundingF6),
    over_residual(row<Winograd, kWinogradF2Avx2>("conv.winograd_f2_add.f32.avx2", kAvx2, kConvAdd)),
    rounding(over_residual(row<Winograd, kWinogradF4Avx2>("conv.winograd_f4_add.f32.avx2", kAvx2, kConvAdd)),
             kWinogradRoundingF4),
    rounding(over_residual(row<Winograd, kWinogradF5Avx2>("conv.winograd_f5_add.f32.avx2", kAvx2, kConvAdd)),
             kWinogradRoundingF5),
    rounding(over_residual(row<Winograd, kWinogradF6Avx2>("conv.winograd_f6_add.f32.avx2", kAvx2, kConvAdd)),
             kWinogradRoundingF6),
    row<Pool, kMaxPoolAvx512>("max_pool.direct.f32.avx512", kAvx512, kMaxPool),
    row<Pool, kMaxPoolAvx512>("global_max_pool.direct.f32.avx512", kAvx512, kGlobalMaxPool),
    row<Pool, kAveragePoolAvx512>("average_pool.direct.f32.avx512", kAvx512, kAveragePool),
    row<Pool, kMaxPoolAvx2>("max_pool.direct.f32.avx2", kAvx2, kMaxPool),
    row<Pool, kMaxPoolAvx2>("global_max_pool.direct.f32.avx2", kAvx2, kGlobalMaxPool),
    row<Pool, kAveragePoolAvx2>("average_pool.direct.f32.avx2", kAvx2, kAveragePool),
    row<InvertedResidual, kPairAvx512>("pwdwpw.rows.f32.avx512", kAvx512, kConvConvConv),
    row<InvertedResidual, kPairAvx2>("pwdwpw.rows.f32.avx2", kAvx2, kConvConvConv),
    row<InvertedResidual, kPairAvx512>("pwdwpw.rows_add.f32.avx512", kAvx512, kConvConvConvAdd),
    row<InvertedResidual, kPairAvx2>("pwdwpw.rows_add.f32.avx2", kAvx2, kConvConvConvAdd),
    row<Pwdw, kPairAvx512>("pwdw.rows.f32.avx512", kAvx512, kConvConv),
    row<Pwdw, kPairAvx2>("pwdw.rows.f32.avx2", kAvx2, kConvConv),
    row<Dwpw, kPairAvx512>("dwpw.rows.f32.avx512", kAvx512, kConvConv),
    row<Dwpw, kPairAvx2>("dwpw.rows.f32.avx2", kAvx2, kConvConv),
    over_residual(row<Dwpw, kPairAvx512>("dwpw.rows_add.f32.avx512", kAvx512, kConvConvAdd)),
    over_residual(row<Dwpw, kPairAvx2>("dwpw.rows_add.f32.avx2", kAvx2, kConvConvAdd)),
};

constexpr Kernel kBlockedRows[] = {
    row<Direct, kDirectAvx512>("conv.direct.f32.avx512", kAvx512, kConv),
    row<Direct, kDirectAvx2>("conv.direct.f32.avx2", kAvx2, kConv),
    over_residual(row<Direct, kDirectAvx512>("conv.direct_add.f32.avx512", kAvx512, kConvAdd)),
    over_residual(row<Direct, kDirectAvx2>("conv.direct_add.f32.avx2", kAvx2, kConvAdd)),
    row<BlockedPool, kMaxPoolAvx512>("max_pool.blocks.f32.avx512", kAvx512, kMaxPool),
    row<BlockedPool, kAveragePoolAvx512>("average_pool.blocks.f32.avx512", kAvx512, kAveragePool),
    row<BlockedMean, kBlockedAvx512>("global_average_pool.blocks.f32.avx512", kAvx512, kGlobalAveragePool),
    row<BlockedPool, kMaxPoolAvx2>("max_pool.blocks.f32.avx2", kAvx2, kMaxPool),
    row<BlockedPool, kAveragePoolAvx2>("average_pool.blocks.f32.avx2", kAvx2, kAveragePool),
    row<BlockedMean, kBlockedAvx2>("global_average_pool.blocks.f32.avx2", kAvx2, kGlobalAveragePool),
};

}  // namespace

std::span<const Kernel> x86_kernels() noexcept { return kRows; }

std::span<const Kernel> x86_blocked_kernels() noexcept { return kBlockedRows; }

}  // namespace fettle::kernels
