// SPDX-License-Identifier: Apache-2.0
//
// How many floating-point operations a second one core makes at best: independent fused multiply-adds in
// registers.
#pragma once

#include <fettle/cpu.h>

namespace fettle::benchmarks {

/// GFLOP/s of one core now, by the widest vectors that `isa` names among those known here (AVX2, AVX-512,
/// NEON); 0 for others. Takes some milliseconds.
double peak_gflops(Isa isa);

// One call makes 2 * kPeakSums * lanes operations `rounds` times. In files with flags of their own.
inline constexpr int kPeakSums = 12;
void peak_avx2(long rounds) noexcept;
void peak_avx512(long rounds) noexcept;
void peak_neon(long rounds) noexcept;

}  // namespace fettle::benchmarks
