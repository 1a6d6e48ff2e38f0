// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {

constinit const DepthwiseSet kDepthwiseAvx2 = {
    .lanes = Avx2::kLanes,
    .usual = {{depthwise_band<Avx2, 3, 1>, depthwise_band<Avx2, 3, 2>},
              {depthwise_band<Avx2, 5, 1>, depthwise_band<Avx2, 5, 2>},
              {depthwise_band<Avx2, 7, 1>, depthwise_band<Avx2, 7, 2>}},
    .any = depthwise_any<Avx2>,
};

}  // namespace fettle::kernels
