// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked_layers_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {

constinit const BlockedSet kBlockedNeon = {.lanes = Neon::kLanes, .mean = mean_of<Neon>};

}  // namespace fettle::kernels
