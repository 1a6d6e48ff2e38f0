// SPDX-License-Identifier: Apache-2.0
//
// Entries of elementwise operators, alone and behind convolutions and dense layers, with each instruction
// set's functions.
#include "kernels/common/activated_entries.h"
#include "kernels/common/dense.h"
#include "kernels/common/depthwise.h"
#include "kernels/common/direct.h"
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_entries.h"
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
constexpr auto& kAvx512Entries =
    kActivatedEntries<Algorithm, set, kUnaryAvx512, kAvx512, name, "avx512", rounding, first>;
template <typename Algorithm, const auto& set, Text name, int rounding = 1, Op first = Op::conv>
constexpr auto& kAvx2Entries =
    kActivatedEntries<Algorithm, set, kUnaryAvx2, kAvx2, name, "avx2", rounding, first>;

constexpr auto kEntries = join(kElementwiseEntries<Unary, kUnaryAvx512, kAvx512, "avx512", kFastUnaryOps>,
                               kElementwiseEntries<Unary, kUnaryAvx2, kAvx2, "avx2", kFastUnaryOps>,
                               kElementwiseEntries<Binary, kBinaryAvx512, kAvx512, "avx512", kBinaryOps>,
                               kElementwiseEntries<Binary, kBinaryAvx2, kAvx2, "avx2", kBinaryOps>,
                               kAvx512Entries<Depthwise, kDepthwiseAvx512, "dwconv.direct_">,
                               kAvx512Entries<PlanarRows, kPlanarAvx512, "conv.planar_rows_">,
                               kAvx512Entries<PlanarPixels, kPlanarPixelsAvx512, "conv.planar_pixels_">,
                               kAvx512Entries<PaddedRows, kTilesAvx512, "conv.padded_rows_">,
                               kAvx512Entries<Indirect, kTilesAvx512, "conv.indirect_">,
                               kAvx512Entries<Winograd, kWinogradF2Avx512, "conv.winograd_f2_">,
                               kAvx512Entries<Winograd, kWinogradF4Avx512, "conv.winograd_f4_", kRoundingF4>,
                               kAvx512Entries<Winograd, kWinogradF5Avx512, "conv.winograd_f5_", kRoundingF5>,
                               kAvx512Entries<Winograd, kWinogradF6Avx512, "conv.winograd_f6_", kRoundingF6>,
                               kAvx512Entries<Dense, kTilesAvx512, "gemm.panels_", 1, Op::gemm>,
                               kAvx2Entries<Depthwise, kDepthwiseAvx2, "dwconv.direct_">,
                               kAvx2Entries<PlanarRows, kPlanarAvx2, "conv.planar_rows_">,
                               kAvx2Entries<PlanarPixels, kPlanarPixelsAvx2, "conv.planar_pixels_">,
                               kAvx2Entries<PaddedRows, kTilesAvx2, "conv.padded_rows_">,
                               kAvx2Entries<Indirect, kTilesAvx2, "conv.indirect_">,
                               kAvx2Entries<Winograd, kWinogradF2Avx2, "conv.winograd_f2_">,
                               kAvx2Entries<Winograd, kWinogradF4Avx2, "conv.winograd_f4_", kRoundingF4>,
                               kAvx2Entries<Winograd, kWinogradF5Avx2, "conv.winograd_f5_", kRoundingF5>,
                               kAvx2Entries<Winograd, kWinogradF6Avx2, "conv.winograd_f6_", kRoundingF6>,
                               kAvx2Entries<Dense, kTilesAvx2, "gemm.panels_", 1, Op::gemm>);

constexpr auto kOtherEntries =
    join(kElementwiseEntries<Unary, kUnaryAvx512, kAvx512, "avx512", kOtherUnaryOps>,
         kElementwiseEntries<Unary, kUnaryAvx2, kAvx2, "avx2", kOtherUnaryOps>,
         kElementwiseEntries<Softmax, kSoftmaxAvx512, kAvx512, "avx512", Softmax::kOps>,
         kElementwiseEntries<Softmax, kSoftmaxAvx2, kAvx2, "avx2", Softmax::kOps>);

constexpr auto kBlockedEntries = join(kEntriesInBlocks<kUnaryAvx512, kBinaryAvx512, kAvx512, "avx512">,
                                      kEntriesInBlocks<kUnaryAvx2, kBinaryAvx2, kAvx2, "avx2">,
                                      kAvx512Entries<Direct, kDirectAvx512, "conv.direct_">,
                                      kAvx2Entries<Direct, kDirectAvx2, "conv.direct_">);

}  // namespace

std::span<const Kernel* const> x86_elementwise_kernels() noexcept { return kEntries; }
std::span<const Kernel* const> x86_other_kernels() noexcept { return kOtherEntries; }
std::span<const Kernel* const> x86_blocked_elementwise_kernels() noexcept { return kBlockedEntries; }

}  // namespace fettle::kernels
