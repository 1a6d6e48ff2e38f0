// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/peak_loop.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::benchmarks {

void peak_neon(long rounds) noexcept { peak_loop<kernels::Neon>(rounds); }

}  // namespace fettle::benchmarks
