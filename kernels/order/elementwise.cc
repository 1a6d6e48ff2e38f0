// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_entries.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {

void order::list_elementwise(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add(kElementwise<Avx512, Unary, kUnaryAvx512, kFastUnaryOps>);
  list.add(kElementwise<Avx2, Unary, kUnaryAvx2, kFastUnaryOps>);
  list.add(kElementwise<Avx512, Binary, kBinaryAvx512, kBinaryOps>);
  list.add(kElementwise<Avx2, Binary, kBinaryAvx2, kBinaryOps>);
#elif FETTLE_ORDER_NEON
  list.add(kElementwise<Neon, Unary, kUnaryNeon, kFastUnaryOps>);
  list.add(kElementwise<Neon, Binary, kBinaryNeon, kBinaryOps>);
#endif
#if FETTLE_WITH_XNNPACK
  list.add({
      &xnnpack::kClamp,     &xnnpack::kLeakyRelu, &xnnpack::kElu,     &xnnpack::kSigmoid, &xnnpack::kTanh,
      &xnnpack::kHardSwish, &xnnpack::kExp,       &xnnpack::kSqrt,    &xnnpack::kAbs,     &xnnpack::kNeg,
      &xnnpack::kFloor,     &xnnpack::kCeil,      &xnnpack::kRound,   &xnnpack::kAdd,     &xnnpack::kSub,
      &xnnpack::kMul,       &xnnpack::kDiv,       &xnnpack::kMax,     &xnnpack::kMin,     &xnnpack::kPrelu,
      &xnnpack::kAddQ8,     &xnnpack::kMulQ8,     &xnnpack::kClampQ8,
  });
#endif
#if FETTLE_ORDER_X86
  list.add(kElementwise<Avx512, Unary, kUnaryAvx512, kOtherUnaryOps>);
  list.add(kElementwise<Avx2, Unary, kUnaryAvx2, kOtherUnaryOps>);
#elif FETTLE_ORDER_NEON
  list.add(kElementwise<Neon, Unary, kUnaryNeon, kOtherUnaryOps>);
#endif
  list.add(portable::elementwise_entries());
  list.add(portable::elementwise_q8_entries());
  list.add(portable::choice_entries());
  // In blocks of channels, which pays where neighbours work in blocks too.
#if FETTLE_ORDER_X86
  list.add(kElementwiseBlocks<Avx512, kUnaryAvx512, kBinaryAvx512>);
  list.add(kElementwiseBlocks<Avx2, kUnaryAvx2, kBinaryAvx2>);
#elif FETTLE_ORDER_NEON
  list.add(kElementwiseBlocks<Neon, kUnaryNeon, kBinaryNeon>);
#endif
}

}  // namespace fettle::kernels
