// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/xnnpack_kernels.h"

#include "kernels/xnnpack/entries.h"

namespace fettle::kernels {
namespace {

namespace x = xnnpack;

constexpr const Kernel* kEntries[] = {
    &x::kDepthwiseConv,
    &x::kConvSliced,
    &x::kConv,
    &x::kConvTranspose,
    &x::kGemmSliced,
    &x::kMatmulSliced,
    &x::kGemm,
    &x::kMatmul,
    &x::kConvTransposeFew,
    &x::kGemmFew,
    &x::kMatmulFew,
    &x::kMaxPool,
    &x::kAveragePool,
    &x::kGlobalAveragePool,
    &x::kReduceMean,
    &x::kResizeBilinear,
    &x::kSoftmax,
    &x::kTranspose,
    &x::kConvert,
    &x::kClamp,
    &x::kLeakyRelu,
    &x::kElu,
    &x::kSigmoid,
    &x::kTanh,
    &x::kHardSwish,
    &x::kExp,
    &x::kSqrt,
    &x::kAbs,
    &x::kNeg,
    &x::kFloor,
    &x::kCeil,
    &x::kRound,
    &x::kAdd,
    &x::kSub,
    &x::kMul,
    &x::kDiv,
    &x::kMax,
    &x::kMin,
    &x::kPrelu,
    &x::kDepthwiseConvQ8,
    &x::kConvQ8,
    &x::kGemmQ8,
    &x::kMatmulQ8,
    &x::kMaxPoolQ8,
    &x::kGlobalAveragePoolQ8,
    &x::kTransposeQ8,
    &x::kConvertQ8,
    &x::kAddQ8,
    &x::kMulQ8,
    &x::kClampQ8,
    &x::kDequantize,
};

}  // namespace

std::span<const Kernel* const> xnnpack_kernels() noexcept { return kEntries; }

}  // namespace fettle::kernels
