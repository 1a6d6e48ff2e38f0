// SPDX-License-Identifier: Apache-2.0
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {

void order::list_movement(KernelList& list) noexcept {
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kTranspose, &xnnpack::kTransposeQ8, &xnnpack::kResizeBilinear});
#endif
  list.add(portable::movement_entries());
  list.add(portable::padding_entries());
  list.add(portable::repeat_entries());
  list.add(portable::gather_entries());
  list.add(portable::scatter_entries());
  list.add(portable::shuffle_entries());
  list.add(portable::resize_entries());
  list.add(portable::interpolation_entries());
  list.add(portable::grid_sample_entries());
  list.add(portable::selection_entries());
}

}  // namespace fettle::kernels
