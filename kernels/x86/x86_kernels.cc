// SPDX-License-Identifier: Apache-2.0
//
// Entries: each algorithm of kernels/common with each instruction set's innermost loops.
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

constexpr Kernel kEntries[] = {
    entry<Dense, kTilesAvx512>("gemm.panels.f32.avx512", kAvx512, kGemm),
    entry<Dense, kTilesAvx2>("gemm.panels.f32.avx2", kAvx2, kGemm),
    entry<Convert, kConvertAvx512>("convert.transpose.f32.avx512", kAvx512, kConvert),
    entry<Convert, kConvertAvx2>("convert.transpose.f32.avx2", kAvx2, kConvert),
    entry<Cast, kCastAvx2>("convert.cast.x16.avx2", kAvx2 | Isa::f16c, kConvert),
    entry<Depthwise, kDepthwiseAvx512>("dwconv.direct.f32.avx512", kAvx512, kConv),
    entry<Depthwise, kDepthwiseAvx2>("dwconv.direct.f32.avx2", kAvx2, kConv),
    by_default_where(PlanarPixels::pays, entry<PlanarPixels, kPlanarPixelsAvx512>(
                                             "conv.planar_pixels.f32.avx512", kAvx512, kConv)),
    by_default_where(PlanarPixels::pays,
                     entry<PlanarPixels, kPlanarPixelsAvx2>("conv.planar_pixels.f32.avx2", kAvx2, kConv)),
    entry<PlanarRows, kPlanarAvx512>("conv.planar_rows.f32.avx512", kAvx512, kConv),
    entry<PlanarRows, kPlanarAvx2>("conv.planar_rows.f32.avx2", kAvx2, kConv),
    by_default_where(Winograd::pays,
                     entry<Winograd, kWinogradF2Avx512>("conv.winograd_f2.f32.avx512", kAvx512, kConv)),
    by_default_where(Winograd::pays,
                     entry<Winograd, kWinogradF2Avx2>("conv.winograd_f2.f32.avx2", kAvx2, kConv)),
    entry<PaddedRows, kTilesAvx512>("conv.padded_rows.f32.avx512", kAvx512, kConv),
    entry<PaddedRows, kTilesAvx2>("conv.padded_rows.f32.avx2", kAvx2, kConv),
    entry<Indirect, kTilesAvx512>("conv.indirect.f32.avx512", kAvx512, kConv),
    entry<Indirect, kTilesAvx2>("conv.indirect.f32.avx2", kAvx2, kConv),
    entry<DepthwisePhases, kDepthwiseAvx512>("conv_transpose.depthwise.f32.avx512", kAvx512, kConvTranspose),
    entry<DepthwisePhases, kDepthwiseAvx2>("conv_transpose.depthwise.f32.avx2", kAvx2, kConvTranspose),
    entry<Patches, kTilesAvx512>("conv_transpose.patches.f32.avx512", kAvx512, kConvTranspose),
    entry<Phases, kTilesAvx512>("conv_transpose.phases.f32.avx512", kAvx512, kConvTranspose),
    entry<Patches, kTilesAvx2>("conv_transpose.patches.f32.avx2", kAvx2, kConvTranspose),
    entry<Phases, kTilesAvx2>("conv_transpose.phases.f32.avx2", kAvx2, kConvTranspose),
    rounding(entry<Winograd, kWinogradF4Avx512>("conv.winograd_f4.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF4),
    rounding(entry<Winograd, kWinogradF5Avx512>("conv.winograd_f5.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF5),
    rounding(entry<Winograd, kWinogradF6Avx512>("conv.winograd_f6.f32.avx512", kAvx512, kConv),
             kWinogradRoundingF6),
    rounding(entry<Winograd, kWinogradF4Avx2>("conv.winograd_f4.f32.avx2", kAvx2, kConv),
             kWinogradRoundingF4),
    rounding(entry<Winograd, kWinogradF5Avx2>("conv.winograd_f5.f32.avx2", kAvx2, kConv),
             kWinogradRoundingF5),
    rounding(entry<Winograd, kWinogradF6Avx2>("conv.winograd_f6.f32.avx2", kAvx2, kConv),
             kWinogradRoundingF6),
    over_residual(entry<Indirect, kTilesAvx512>("conv.indirect_add.f32.avx512", kAvx512, kConvAdd)),
    over_residual(entry<Indirect, kTilesAvx2>("conv.indirect_add.f32.avx2", kAvx2, kConvAdd)),
    over_residual(entry<Winograd, kWinogradF2Avx512>("conv.winograd_f2_add.f32.avx512", kAvx512, kConvAdd)),
    rounding(over_residual(
                 entry<Winograd, kWinogradF4Avx512>("conv.winograd_f4_add.f32.avx512", kAvx512, kConvAdd)),
             kWinogradRoundingF4),
    rounding(over_residual(
                 entry<Winograd, kWinogradF5Avx512>("conv.winograd_f5_add.f32.avx512", kAvx512, kConvAdd)),
             kWinogradRoundingF5),
    rounding(over_residual(
                 entry<Winograd, kWinogradF6Avx512>("conv.winograd_f6_add.f32.avx512", kAvx512, kConvAdd)),
             kWinogradRoundingF6),
    over_residual(entry<Winograd, kWinogradF2Avx2>("conv.winograd_f2_add.f32.avx2", kAvx2, kConvAdd)),
    rounding(
        over_residual(entry<Winograd, kWinogradF4Avx2>("conv.winograd_f4_add.f32.avx2", kAvx2, kConvAdd)),
        kWinogradRoundingF4),
    rounding(
        over_residual(entry<Winograd, kWinogradF5Avx2>("conv.winograd_f5_add.f32.avx2", kAvx2, kConvAdd)),
        kWinogradRoundingF5),
    rounding(
        over_residual(entry<Winograd, kWinogradF6Avx2>("conv.winograd_f6_add.f32.avx2", kAvx2, kConvAdd)),
        kWinogradRoundingF6),
    entry<Pool, kMaxPoolAvx512>("max_pool.direct.f32.avx512", kAvx512, kMaxPool),
    entry<Pool, kMaxPoolAvx512>("global_max_pool.direct.f32.avx512", kAvx512, kGlobalMaxPool),
    entry<Pool, kAveragePoolAvx512>("average_pool.direct.f32.avx512", kAvx512, kAveragePool),
    entry<Pool, kMaxPoolAvx2>("max_pool.direct.f32.avx2", kAvx2, kMaxPool),
    entry<Pool, kMaxPoolAvx2>("global_max_pool.direct.f32.avx2", kAvx2, kGlobalMaxPool),
    entry<Pool, kAveragePoolAvx2>("average_pool.direct.f32.avx2", kAvx2, kAveragePool),
    entry<InvertedResidual, kPairAvx512>("pwdwpw.rows.f32.avx512", kAvx512, kConvConvConv),
    entry<InvertedResidual, kPairAvx2>("pwdwpw.rows.f32.avx2", kAvx2, kConvConvConv),
    entry<InvertedResidual, kPairAvx512>("pwdwpw.rows_add.f32.avx512", kAvx512, kConvConvConvAdd),
    entry<InvertedResidual, kPairAvx2>("pwdwpw.rows_add.f32.avx2", kAvx2, kConvConvConvAdd),
    entry<Pwdw, kPairAvx512>("pwdw.rows.f32.avx512", kAvx512, kConvConv),
    entry<Pwdw, kPairAvx2>("pwdw.rows.f32.avx2", kAvx2, kConvConv),
    entry<Dwpw, kPairAvx512>("dwpw.rows.f32.avx512", kAvx512, kConvConv),
    entry<Dwpw, kPairAvx2>("dwpw.rows.f32.avx2", kAvx2, kConvConv),
    over_residual(entry<Dwpw, kPairAvx512>("dwpw.rows_add.f32.avx512", kAvx512, kConvConvAdd)),
    over_residual(entry<Dwpw, kPairAvx2>("dwpw.rows_add.f32.avx2", kAvx2, kConvConvAdd)),
};

constexpr Kernel kBlockedEntries[] = {
    entry<Direct, kDirectAvx512>("conv.direct.f32.avx512", kAvx512, kConv),
    entry<Direct, kDirectAvx2>("conv.direct.f32.avx2", kAvx2, kConv),
    over_residual(entry<Direct, kDirectAvx512>("conv.direct_add.f32.avx512", kAvx512, kConvAdd)),
    over_residual(entry<Direct, kDirectAvx2>("conv.direct_add.f32.avx2", kAvx2, kConvAdd)),
    entry<BlockedPool, kMaxPoolAvx512>("max_pool.blocks.f32.avx512", kAvx512, kMaxPool),
    entry<BlockedPool, kAveragePoolAvx512>("average_pool.blocks.f32.avx512", kAvx512, kAveragePool),
    entry<BlockedMean, kBlockedAvx512>("global_average_pool.blocks.f32.avx512", kAvx512, kGlobalAveragePool),
    entry<BlockedPool, kMaxPoolAvx2>("max_pool.blocks.f32.avx2", kAvx2, kMaxPool),
    entry<BlockedPool, kAveragePoolAvx2>("average_pool.blocks.f32.avx2", kAvx2, kAveragePool),
    entry<BlockedMean, kBlockedAvx2>("global_average_pool.blocks.f32.avx2", kAvx2, kGlobalAveragePool),
};

}  // namespace

std::span<const Kernel> x86_kernels() noexcept { return kEntries; }

std::span<const Kernel> x86_blocked_kernels() noexcept { return kBlockedEntries; }

}  // namespace fettle::kernels
