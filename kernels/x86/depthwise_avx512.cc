// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {

constinit const DepthwiseSet kDepthwiseAvx512 = {
    .lanes = Avx512::kLanes,
    .usual = {{depthwise_band<Avx512, 3, 1>, depthwise_band<Avx512, 3, 2>},
              {depthwise_band<Avx512, 5, 1>, depthwise_band<Avx512, 5, 2>},
              {depthwise_band<Avx512, 7, 1>, depthwise_band<Avx512, 7, 2>}},
    .any = depthwise_any<Avx512>,
};

}  // namespace fettle::kernels
