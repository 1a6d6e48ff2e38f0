// SPDX-License-Identifier: Apache-2.0
//
// What a model that loads must be good for: it compiles and runs, or is refused with a reason.
#pragma once

#include <fettle/model.h>

namespace fettle::fuzz {

/// Compiles with the defaults and with the plan that says the same, and runs when it is small enough.
void compile_and_run(const Model& model);

}  // namespace fettle::fuzz
