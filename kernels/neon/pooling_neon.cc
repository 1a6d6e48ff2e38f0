// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pooling_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {

constinit const PoolSet kMaxPoolNeon = {Neon::kLanes, pool_row<Neon, true>};
constinit const PoolSet kAveragePoolNeon = {Neon::kLanes, pool_row<Neon, false>};

}  // namespace fettle::kernels
