// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocked_layers_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {

constinit const BlockedSet kBlockedAvx512 = {.lanes = Avx512::kLanes, .mean = mean_of<Avx512>};

}  // namespace fettle::kernels
