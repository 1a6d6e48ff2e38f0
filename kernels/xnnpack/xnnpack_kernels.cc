// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/xnnpack_kernels.h"

#include "kernels/xnnpack/rows.h"

namespace fettle::kernels {
namespace {

namespace x = xnnpack;

constexpr const Kernel* kRows[] = {
    &x::kDepthwiseConv, &x::kConv,
    &x::kConvTranspose, &x::kGemm,
    &x::kMatmul,        &x::kMaxPool,
    &x::kAveragePool,   &x::kGlobalAveragePool,
    &x::kReduceMean,    &x::kResizeBilinear,
    &x::kSoftmax,       &x::kTranspose,
    &x::kConvert,       &x::kClamp,
    &x::kLeakyRelu,     &x::kElu,
    &x::kSigmoid,       &x::kTanh,
    &x::kHardSwish,     &x::kExp,
    &x::kSqrt,          &x::kAbs,
    &x::kNeg,           &x::kFloor,
    &x::kCeil,          &x::kRound,
    &x::kAdd,           &x::kSub,
    &x::kMul,           &x::kDiv,
    &x::kMax,           &x::kMin,
    &x::kPrelu,
};

}  // namespace

std::span<const Kernel* const> xnnpack_kernels() noexcept { return kRows; }

}  // namespace fettle::kernels
