// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pooling_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {

constinit const PoolSet kMaxPoolAvx2 = {Avx2::kLanes, pool_row<Avx2, true>};
constinit const PoolSet kAveragePoolAvx2 = {Avx2::kLanes, pool_row<Avx2, false>};

}  // namespace fettle::kernels
