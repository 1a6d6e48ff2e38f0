// SPDX-License-Identifier: Apache-2.0
//
// Lowering: from layers with their variants to a schedule of steps and tensors.
#pragma once

#include "lib/compile/assignment.h"
#include "lib/runtime/schedule.h"

namespace fettle::runtime {

/// Makes the steps in order, with conversions where a layer wants a value in another format than it was
/// produced in. Every tensor is a root of its own; share_memory() makes views. Errors: kModelUnsupported when
/// no kernel does a needed conversion, kInvalidArgument for picture inputs that do not fit the model.
Result<Schedule> lower(const LayerGraph& layers, const std::vector<Assignment>& assignments,
                       const KernelTable& table, const CompileOptions& options);

/// A step that copies or converts `from` to `to`, not yet in the schedule. Its kernel is null when no row
/// does it.
Step conversion_step(const Schedule& schedule, const KernelTable& table, TensorId from, TensorId to,
                     Attributes attributes);

}  // namespace fettle::runtime
