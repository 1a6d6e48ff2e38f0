// SPDX-License-Identifier: Apache-2.0
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels {

void order::list_recurrent(KernelList& list) noexcept { list.add(portable::recurrent_entries()); }

}  // namespace fettle::kernels
