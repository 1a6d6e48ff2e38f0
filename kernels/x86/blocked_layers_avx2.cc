// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked_layers_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {

constinit const BlockedSet kBlockedAvx2 = {.lanes = Avx2::kLanes, .mean = mean_of<Avx2>};

}  // namespace fettle::kernels
