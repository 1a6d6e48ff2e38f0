// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/peak_loop.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::benchmarks {

void peak_avx2(long rounds) noexcept { peak_loop<kernels::Avx2>(rounds); }

}  // namespace fettle::benchmarks
