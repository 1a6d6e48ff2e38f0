// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lib/runtime/schedule.h"

#include <fettle/program.h>

namespace fettle::runtime {

/// Plans the arena: offsets of roots and workspaces.
ArenaInfo plan_arena(Schedule& schedule);

}  // namespace fettle::runtime
