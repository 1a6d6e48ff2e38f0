// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/normalisation.h"
#include "kernels/common/elementwise_entries.h"
#include "kernels/common/entry.h"
#include "kernels/common/softmax.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {

namespace {

template <InstructionSet I, const auto& set>
constexpr const Kernel* layer_norm =
    kEntry<I, "layer_norm.direct.f32", kPatternOf<Op::layer_norm>, LayerNorm, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* rms_norm = kEntry<I, "rms_norm.direct.f32", kPatternOf<Op::rms_norm>, RmsNorm, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* instance_norm =
    kEntry<I, "instance_norm.direct.f32", kPatternOf<Op::instance_norm>, InstanceNorm, set>;

}  // namespace

void order::list_normalisation(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add(kElementwise<Avx512, Softmax, kSoftmaxAvx512, Softmax::kOps>);
  list.add(kElementwise<Avx2, Softmax, kSoftmaxAvx2, Softmax::kOps>);
  list.add({layer_norm<Avx512, kNormAvx512>, layer_norm<Avx2, kNormAvx2>, rms_norm<Avx512, kNormAvx512>,
            rms_norm<Avx2, kNormAvx2>, instance_norm<Avx512, kNormAvx512>, instance_norm<Avx2, kNormAvx2>});
#elif FETTLE_ORDER_NEON
  list.add(kElementwise<Neon, Softmax, kSoftmaxNeon, Softmax::kOps>);
  list.add({layer_norm<Neon, kNormNeon>, rms_norm<Neon, kNormNeon>, instance_norm<Neon, kNormNeon>});
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kReduceMean, &xnnpack::kSoftmax});
#endif
  list.add(portable::normalisation_entries());
  list.add(portable::reduction_entries());
  list.add(portable::along_axis_entries());
}

}  // namespace fettle::kernels
