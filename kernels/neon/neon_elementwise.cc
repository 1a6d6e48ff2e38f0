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
#include "kernels/common/softmax.h"
#include "kernels/common/winograd.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/neon_kernels.h"

namespace fettle::kernels {
namespace {

constexpr int kRoundingF4 = static_cast<int>(kWinogradRoundingF4);
constexpr int kRoundingF5 = static_cast<int>(kWinogradRoundingF5);
constexpr int kRoundingF6 = static_cast<int>(kWinogradRoundingF6);

template <typename Algorithm, const auto& set, Text name, int rounding = 1, Op first = Op::conv>
constexpr auto& kActivated =
    kActivatedEntries<Algorithm, set, kUnaryNeon, kNeonFma, name, "neon", rounding, first>;

constexpr auto kEntries = join(kElementwiseEntries<Unary, kUnaryNeon, kNeonFma, "neon", kFastUnaryOps>,
                               kElementwiseEntries<Binary, kBinaryNeon, kNeonFma, "neon", kBinaryOps>,
                               kActivated<Depthwise, kDepthwiseNeon, "dwconv.direct_">,
                               kActivated<PaddedRows, kTilesNeon, "conv.padded_rows_">,
                               kActivated<Indirect, kTilesNeon, "conv.indirect_">,
                               kActivated<PlanarPixels, kPlanarPixelsNeon, "conv.planar_pixels_">,
                               kActivated<Winograd, kWinogradF2Neon, "conv.winograd_f2_">,
                               kActivated<Winograd, kWinogradF4Neon, "conv.winograd_f4_", kRoundingF4>,
                               kActivated<Winograd, kWinogradF5Neon, "conv.winograd_f5_", kRoundingF5>,
                               kActivated<Winograd, kWinogradF6Neon, "conv.winograd_f6_", kRoundingF6>,
                               kActivated<Dense, kTilesNeon, "gemm.panels_", 1, Op::gemm>);

constexpr auto kOtherEntries =
    join(kElementwiseEntries<Unary, kUnaryNeon, kNeonFma, "neon", kOtherUnaryOps>,
         kElementwiseEntries<Softmax, kSoftmaxNeon, kNeonFma, "neon", Softmax::kOps>);

constexpr auto kBlockedEntries = join(kEntriesInBlocks<kUnaryNeon, kBinaryNeon, kNeonFma, "neon">,
                                      kActivated<Direct, kDirectNeon, "conv.direct_">);

}  // namespace

std::span<const Kernel* const> neon_elementwise_kernels() noexcept { return kEntries; }
std::span<const Kernel* const> neon_other_kernels() noexcept { return kOtherEntries; }
std::span<const Kernel* const> neon_blocked_elementwise_kernels() noexcept { return kBlockedEntries; }

}  // namespace fettle::kernels
