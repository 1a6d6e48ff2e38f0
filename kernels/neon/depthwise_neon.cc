// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {

constinit const DepthwiseSet kDepthwiseNeon = {
    .lanes = Neon::kLanes,
    .usual = {{depthwise_band<Neon, 3, 1>, depthwise_band<Neon, 3, 2>},
              {depthwise_band<Neon, 5, 1>, depthwise_band<Neon, 5, 2>},
              {depthwise_band<Neon, 7, 1>, depthwise_band<Neon, 7, 2>}},
    .any = depthwise_any<Neon>,
};

}  // namespace fettle::kernels
