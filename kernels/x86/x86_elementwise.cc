// SPDX-License-Identifier: Apache-2.0
//
// Rows of elementwise operators, alone and behind convolutions and dense layers, with each instruction set's
// functions.
#include "kernels/common/activated_rows.h"
#include "kernels/common/dense.h"
#include "kernels/common/depthwise.h"
#include "kernels/common/direct.h"
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_rows.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/indirect.h"
#include "kernels/common/padded_rows.h"
#include "kernels/common/planar_pixels.h"
#include "kernels/common/planar_rows.h"
#include "kernels/common/softmax.h"
#include "kernels/common/winograd.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/x86_kernels.h"

namespace fettle::kernels {
namespace {

constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
constexpr Isa kAvx512 = Isa::avx512f | kAvx2;

constexpr int kRoundingF4 = static_cast<int>(kWinogradRoundingF4);
constexpr int kRoundingF5 = static_cast<int>(kWinogradRoundingF5);
constexpr int kRoundingF6 = static_cast<int>(kWinogradRoundingF6);

template <typename Algorithm, const auto& set, Text name, int rounding = 1, Op first = Op::conv>
constexpr auto& kAvx512Rows =
    kActivatedRows<Algorithm, set, kUnaryAvx512, kAvx512, name, "avx512", rounding, first>;
template <typename Algorithm, const auto& set, Text name, int rounding = 1, Op first = Op::conv>
constexpr auto& kAvx2Rows = kActivatedRows<Algorithm, set, kUnaryAvx2, kAvx2, name, "avx2", rounding, first>;

constexpr auto kRows = join(kElementwiseRows<Unary, kUnaryAvx512, kAvx512, "avx512", kFastUnaryOps>,
                            kElementwiseRows<Unary, kUnaryAvx2, kAvx2, "avx2", kFastUnaryOps>,
                            kElementwiseRows<Binary, kBinaryAvx512, kAvx512, "avx512", kBinaryOps>,
                            kElementwiseRows<Binary, kBinaryAvx2, kAvx2, "avx2", kBinaryOps>,
                            kAvx512Rows<Depthwise, kDepthwiseAvx512, "dwconv.direct_">,
                            kAvx512Rows<PlanarRows, kPlanarAvx512, "conv.planar_rows_">,
                            kAvx512Rows<PlanarPixels, kPlanarPixelsAvx512, "conv.planar_pixels_">,
                            kAvx512Rows<PaddedRows, kTilesAvx512, "conv.padded_rows_">,
                            kAvx512Rows<Indirect, kTilesAvx512, "conv.indirect_">,
                            kAvx512Rows<Winograd, kWinogradF2Avx512, "conv.winograd_f2_">,
                            kAvx512Rows<Winograd, kWinogradF4Avx512, "conv.winograd_f4_", kRoundingF4>,
                            kAvx512Rows<Winograd, kWinogradF5Avx512, "conv.winograd_f5_", kRoundingF5>,
                            kAvx512Rows<Winograd, kWinogradF6Avx512, "conv.winograd_f6_", kRoundingF6>,
                            kAvx512Rows<Dense, kTilesAvx512, "gemm.panels_", 1, Op::gemm>,
                            kAvx2Rows<Depthwise, kDepthwiseAvx2, "dwconv.direct_">,
                            kAvx2Rows<PlanarRows, kPlanarAvx2, "conv.planar_rows_">,
                            kAvx2Rows<PlanarPixels, kPlanarPixelsAvx2, "conv.planar_pixels_">,
                            kAvx2Rows<PaddedRows, kTilesAvx2, "conv.padded_rows_">,
                            kAvx2Rows<Indirect, kTilesAvx2, "conv.indirect_">,
                            kAvx2Rows<Winograd, kWinogradF2Avx2, "conv.winograd_f2_">,
                            kAvx2Rows<Winograd, kWinogradF4Avx2, "conv.winograd_f4_", kRoundingF4>,
                            kAvx2Rows<Winograd, kWinogradF5Avx2, "conv.winograd_f5_", kRoundingF5>,
                            kAvx2Rows<Winograd, kWinogradF6Avx2, "conv.winograd_f6_", kRoundingF6>,
                            kAvx2Rows<Dense, kTilesAvx2, "gemm.panels_", 1, Op::gemm>);

constexpr auto kOtherRows = join(kElementwiseRows<Unary, kUnaryAvx512, kAvx512, "avx512", kOtherUnaryOps>,
                                 kElementwiseRows<Unary, kUnaryAvx2, kAvx2, "avx2", kOtherUnaryOps>,
                                 kElementwiseRows<Softmax, kSoftmaxAvx512, kAvx512, "avx512", Softmax::kOps>,
                                 kElementwiseRows<Softmax, kSoftmaxAvx2, kAvx2, "avx2", Softmax::kOps>);

constexpr auto kBlockedRows =
    join(kRowsInBlocks<kUnaryAvx512, kBinaryAvx512, kAvx512, "avx512">,
         kRowsInBlocks<kUnaryAvx2, kBinaryAvx2, kAvx2, "avx2">,
         kAvx512Rows<Direct, kDirectAvx512, "conv.direct_">, kAvx2Rows<Direct, kDirectAvx2, "conv.direct_">);

}  // namespace

std::span<const Kernel* const> x86_elementwise_kernels() noexcept { return kRows; }
std::span<const Kernel* const> x86_other_kernels() noexcept { return kOtherRows; }
std::span<const Kernel* const> x86_blocked_elementwise_kernels() noexcept { return kBlockedRows; }

}  // namespace fettle::kernels
