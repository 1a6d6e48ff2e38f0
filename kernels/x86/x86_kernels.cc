// SPDX-License-Identifier: Apache-2.0
//
// Rows: each algorithm of kernels/common with each instruction set's innermost loops.
#include "kernels/x86/x86_kernels.h"

#include "kernels/common/dense.h"
#include "kernels/common/depthwise.h"
#include "kernels/common/indirect.h"
#include "kernels/common/padded_rows.h"
#include "kernels/common/winograd.h"
#include "kernels/x86/loops.h"

namespace fettle::kernels {
namespace {

constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
constexpr Isa kAvx512 = Isa::avx512f | kAvx2;

constexpr Op kConv[] = {Op::conv};
constexpr Op kGemm[] = {Op::gemm};
constexpr Op kConvAdd[] = {Op::conv, Op::add};

constexpr Kernel kRows[] = {
    dense_row<kTilesAvx512>("gemm.panels.f32.avx512", kAvx512, kGemm),
    dense_row<kTilesAvx2>("gemm.panels.f32.avx2", kAvx2, kGemm),
    depthwise_row_of<kDepthwiseAvx512>("dwconv.direct.f32.avx512", kAvx512, kConv),
    depthwise_row_of<kDepthwiseAvx2>("dwconv.direct.f32.avx2", kAvx2, kConv),
    padded_rows_row<kTilesAvx512>("conv.padded_rows.f32.avx512", kAvx512, kConv),
    padded_rows_row<kTilesAvx2>("conv.padded_rows.f32.avx2", kAvx2, kConv),
    indirect_row<kTilesAvx512>("conv.indirect.f32.avx512", kAvx512, kConv),
    indirect_row<kTilesAvx2>("conv.indirect.f32.avx2", kAvx2, kConv),
    winograd_row<kWinogradF2Avx512>("conv.winograd_f2.f32.avx512", kAvx512, kConv, kWinogradRoundingF2),
    winograd_row<kWinogradF4Avx512>("conv.winograd_f4.f32.avx512", kAvx512, kConv, kWinogradRoundingF4),
    winograd_row<kWinogradF6Avx512>("conv.winograd_f6.f32.avx512", kAvx512, kConv, kWinogradRoundingF6),
    winograd_row<kWinogradF2Avx2>("conv.winograd_f2.f32.avx2", kAvx2, kConv, kWinogradRoundingF2),
    winograd_row<kWinogradF4Avx2>("conv.winograd_f4.f32.avx2", kAvx2, kConv, kWinogradRoundingF4),
    winograd_row<kWinogradF6Avx2>("conv.winograd_f6.f32.avx2", kAvx2, kConv, kWinogradRoundingF6),
    indirect_row<kTilesAvx512>("conv.indirect_add.f32.avx512", kAvx512, kConvAdd),
    indirect_row<kTilesAvx2>("conv.indirect_add.f32.avx2", kAvx2, kConvAdd),
    winograd_row<kWinogradF2Avx512>("conv.winograd_f2_add.f32.avx512", kAvx512, kConvAdd,
                                    kWinogradRoundingF2),
    winograd_row<kWinogradF4Avx512>("conv.winograd_f4_add.f32.avx512", kAvx512, kConvAdd,
                                    kWinogradRoundingF4),
    winograd_row<kWinogradF6Avx512>("conv.winograd_f6_add.f32.avx512", kAvx512, kConvAdd,
                                    kWinogradRoundingF6),
    winograd_row<kWinogradF2Avx2>("conv.winograd_f2_add.f32.avx2", kAvx2, kConvAdd, kWinogradRoundingF2),
    winograd_row<kWinogradF4Avx2>("conv.winograd_f4_add.f32.avx2", kAvx2, kConvAdd, kWinogradRoundingF4),
    winograd_row<kWinogradF6Avx2>("conv.winograd_f6_add.f32.avx2", kAvx2, kConvAdd, kWinogradRoundingF6),
};

}  // namespace

std::span<const Kernel> x86_kernels() noexcept { return kRows; }

}  // namespace fettle::kernels
