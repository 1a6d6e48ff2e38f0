// SPDX-License-Identifier: Apache-2.0
//
// The innermost loops for NEON, each in a file of its own. Only to be called where the CPU has the
// instructions.
#pragma once

#include "kernels/common/attention.h"
#include "kernels/common/blocked_layers.h"
#include "kernels/common/cast.h"
#include "kernels/common/convert.h"
#include "kernels/common/depthwise.h"
#include "kernels/common/direct.h"
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/normalisation.h"
#include "kernels/common/planar_pixels.h"
#include "kernels/common/pooling.h"
#include "kernels/common/q8/conversion.h"
#include "kernels/common/q8/depthwise.h"
#include "kernels/common/q8/tile.h"
#include "kernels/common/softmax.h"
#include "kernels/common/tile.h"
#include "kernels/common/winograd.h"

namespace fettle::kernels {

extern const TileSet kTilesNeon;         ///< for out-of-order cores
extern const TileSet kTilesNeonInOrder;  ///< for in-order cores
/// Whose panels hold f16, bf16 or s8, for any core.
extern const TileSet kTilesF16WeightsNeon, kTilesBf16WeightsNeon, kTilesS8WeightsNeon;
extern const DepthwiseSet kDepthwiseNeon;
extern const UnarySet kUnaryNeon;
extern const BinarySet kBinaryNeon;
extern const SoftmaxSet kSoftmaxNeon;
extern const ScoreSet kScoresNeon;
extern const NormSet kNormNeon;
extern const PoolSet kMaxPoolNeon, kAveragePoolNeon;
extern const BlockedSet kBlockedNeon;
extern const CastSet kCastNeon;
extern const ConvertSet kConvertNeon;
extern const ConvertQ8Set kConvertQ8Neon;
extern const TileQ8Set kTilesQ8Neon;
extern const TileQ8Set kTilesQ8NeonDot;  ///< with dot products, not on 32-bit Arm
extern const DepthwiseQ8Set kDepthwiseQ8Neon;
extern const DepthwiseQ8Set kDepthwiseQ8NeonDot;  ///< likewise
extern const DirectSet kDirectNeon;
extern const PlanarPixelsSet kPlanarPixelsNeon;
extern const WinogradSet kWinogradF2Neon, kWinogradF4Neon, kWinogradF5Neon, kWinogradF6Neon;
extern const WinogradSet kWinogradF2NeonInOrder, kWinogradF4NeonInOrder, kWinogradF5NeonInOrder,
    kWinogradF6NeonInOrder;

}  // namespace fettle::kernels
