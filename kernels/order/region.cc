// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/conv_pair.h"
#include "kernels/common/dwpw.h"
#include "kernels/common/entry.h"
#include "kernels/common/inverted_residual.h"
#include "kernels/common/pwdw.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"

namespace fettle::kernels {
namespace {

template <InstructionSet I, const auto& set>
constexpr const Kernel* inverted_residual =
    kEntry<I, "pwdwpw.rows.f32", kPatternOf<Op::conv, Op::conv, Op::conv>, InvertedResidual, set, kResidual>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* pwdw = kEntry<I, "pwdw.rows.f32", kPatternOf<Op::conv, Op::conv>, Pwdw, set>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* dwpw =
    kEntry<I, "dwpw.rows.f32", kPatternOf<Op::conv, Op::conv>, Dwpw, set, kResidual>;

#if FETTLE_ORDER_X86
constexpr ConvPairSet kPairAvx512 = {&kDepthwiseAvx512, &kTilesAvx512};
constexpr ConvPairSet kPairAvx2 = {&kDepthwiseAvx2, &kTilesAvx2};
#elif FETTLE_ORDER_NEON
constexpr ConvPairSet kPairNeon = {&kDepthwiseNeon, &kTilesNeon};
#endif

}  // namespace

void order::list_regions([[maybe_unused]] KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({
      inverted_residual<Avx512, kPairAvx512>,
      inverted_residual<Avx2, kPairAvx2>,
      pwdw<Avx512, kPairAvx512>,
      pwdw<Avx2, kPairAvx2>,
      dwpw<Avx512, kPairAvx512>,
      dwpw<Avx2, kPairAvx2>,
  });
#elif FETTLE_ORDER_NEON
  list.add({inverted_residual<Neon, kPairNeon>, pwdw<Neon, kPairNeon>, dwpw<Neon, kPairNeon>});
#endif
}

}  // namespace fettle::kernels
