// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/elementwise_entries.h"
#include "kernels/common/softmax.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {

void order::list_normalisation(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add(kElementwise<Avx512, Softmax, kSoftmaxAvx512, Softmax::kOps>);
  list.add(kElementwise<Avx2, Softmax, kSoftmaxAvx2, Softmax::kOps>);
#elif FETTLE_ORDER_NEON
  list.add(kElementwise<Neon, Softmax, kSoftmaxNeon, Softmax::kOps>);
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kReduceMean, &xnnpack::kSoftmax});
#endif
  list.add(portable::normalisation_entries());
  list.add(portable::reduction_entries());
  list.add(portable::along_axis_entries());
}

}  // namespace fettle::kernels
