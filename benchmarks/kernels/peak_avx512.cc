// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/peak_loop.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::benchmarks {

void peak_avx512(long rounds) noexcept { peak_loop<kernels::Avx512>(rounds); }

}  // namespace fettle::benchmarks
