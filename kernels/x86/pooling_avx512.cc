// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pooling_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {

constinit const PoolSet kMaxPoolAvx512 = {Avx512::kLanes, pool_row<Avx512, true>};
constinit const PoolSet kAveragePoolAvx512 = {Avx512::kLanes, pool_row<Avx512, false>};

}  // namespace fettle::kernels
