// SPDX-License-Identifier: Apache-2.0
//
// The entries of the table, each defined beside its functions.
#pragma once

#include <fettle/kernel.h>

namespace fettle::kernels::xnnpack {

/// What every entry has in common. XNNPACK's baseline is VFP on Arm and SSE2 on x86, and it chooses by itself
/// what is better. On x86 it is from AVX on that its clamps keep NaN.
#if defined(__x86_64__) || defined(__i386__)
inline constexpr bool kIsX86 = true;
inline constexpr Isa kRequiredIsa = Isa::avx;
#else
inline constexpr bool kIsX86 = false;
inline constexpr Isa kRequiredIsa = Isa::none;
#endif
/// What entries make of NaN whose kernels are otherwise exact, but on x86 written for SSE, or of plain
/// maxima: those are their second operand where one is not a number.
inline constexpr NonFinite kLosesNanOnX86 = kIsX86 ? NonFinite::loses_nan : NonFinite::exact;

/// Entries for pictures want them in nhwc.
extern const Kernel kConvSliced;
extern const Kernel kConv;
extern const Kernel kDepthwiseConv;
extern const Kernel kConvTranspose;
extern const Kernel kGemmSliced;
extern const Kernel kMatmulSliced;
extern const Kernel kGemm;
extern const Kernel kMatmul;
extern const Kernel kConvTransposeFew;
extern const Kernel kGemmFew;
extern const Kernel kMatmulFew;
extern const Kernel kMaxPool;
extern const Kernel kAveragePool;
extern const Kernel kGlobalAveragePool;
extern const Kernel kReduceMean;
extern const Kernel kResizeBilinear;
extern const Kernel kSoftmax;
extern const Kernel kTranspose;
extern const Kernel kConvert;

extern const Kernel kClamp;
extern const Kernel kLeakyRelu;
extern const Kernel kElu;
extern const Kernel kSigmoid;
extern const Kernel kTanh;
extern const Kernel kHardSwish;
extern const Kernel kExp;
extern const Kernel kSqrt;
extern const Kernel kAbs;
extern const Kernel kNeg;
extern const Kernel kFloor;
extern const Kernel kCeil;
extern const Kernel kRound;

extern const Kernel kAdd;
extern const Kernel kSub;
extern const Kernel kMul;
extern const Kernel kDiv;
extern const Kernel kMax;
extern const Kernel kMin;
extern const Kernel kPrelu;

// Quantised.
extern const Kernel kConvQ8;
extern const Kernel kDepthwiseConvQ8;
extern const Kernel kGemmQ8;
extern const Kernel kMatmulQ8;
extern const Kernel kMaxPoolQ8;
extern const Kernel kGlobalAveragePoolQ8;
extern const Kernel kTransposeQ8;
extern const Kernel kConvertQ8;
extern const Kernel kAddQ8;
extern const Kernel kMulQ8;
extern const Kernel kClampQ8;
extern const Kernel kDequantize;

}  // namespace fettle::kernels::xnnpack
