// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lib/compile/kernel_table.h"
#include "lib/runtime/schedule.h"

namespace fettle::runtime {

/// Makes views of tensors that need no memory of their own: reshapes, pieces of concat, split and slice,
/// results in place. Steps that only these tensors needed become aliases.
void share_memory(Schedule& schedule, const KernelTable& table);

}  // namespace fettle::runtime
