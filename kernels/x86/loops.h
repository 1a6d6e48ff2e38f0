// SPDX-License-Identifier: Apache-2.0
//
// The innermost loops for x86, each in a file with its own flags. Only to be called where the CPU has the
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
#include "kernels/common/planar_rows.h"
#include "kernels/common/pooling.h"
#include "kernels/common/q8/conversion.h"
#include "kernels/common/q8/depthwise.h"
#include "kernels/common/q8/tile.h"
#include "kernels/common/softmax.h"
#include "kernels/common/tile.h"
#include "kernels/common/winograd.h"

namespace fettle::kernels {

extern const TileSet kTilesAvx2;    ///< AVX2 and FMA
extern const TileSet kTilesAvx512;  ///< AVX-512 F

/// Whose panels hold f16, bf16 or s8: AVX2, FMA and F16C.
extern const TileSet kTilesF16WeightsAvx2, kTilesBf16WeightsAvx2, kTilesS8WeightsAvx2;
extern const TileSet kTilesF16WeightsAvx512, kTilesBf16WeightsAvx512, kTilesS8WeightsAvx512;

extern const ConvertQ8Set kConvertQ8Avx2;
extern const ConvertQ8Set kConvertQ8Avx512;  ///< AVX-512 F and BW
extern const TileQ8Set kTilesQ8Avx2;
extern const TileQ8Set kTilesQ8Vnni512;  ///< AVX-512 F, BW and VNNI
extern const DepthwiseQ8Set kDepthwiseQ8Avx2, kDepthwiseQ8Vnni512;

extern const BlockedSet kBlockedAvx2, kBlockedAvx512;

extern const CastSet kCastAvx2;  ///< AVX2 and F16C

extern const ConvertSet kConvertAvx2, kConvertAvx512;

extern const DepthwiseSet kDepthwiseAvx2, kDepthwiseAvx512;

extern const DirectSet kDirectAvx2, kDirectAvx512;
extern const UnarySet kUnaryAvx2, kUnaryAvx512;
extern const BinarySet kBinaryAvx2, kBinaryAvx512;
extern const SoftmaxSet kSoftmaxAvx2, kSoftmaxAvx512;
extern const ScoreSet kScoresAvx2, kScoresAvx512;
extern const NormSet kNormAvx2, kNormAvx512;
extern const PlanarSet kPlanarAvx2, kPlanarAvx512;
extern const PlanarPixelsSet kPlanarPixelsAvx2, kPlanarPixelsAvx512;
extern const PoolSet kMaxPoolAvx2, kAveragePoolAvx2, kMaxPoolAvx512, kAveragePoolAvx512;

extern const WinogradSet kWinogradF2Avx2, kWinogradF4Avx2, kWinogradF5Avx2, kWinogradF6Avx2;
extern const WinogradSet kWinogradF2Avx512, kWinogradF4Avx512, kWinogradF5Avx512, kWinogradF6Avx512;

}  // namespace fettle::kernels
