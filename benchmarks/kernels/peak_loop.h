// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "benchmarks/kernels/peak.h"

namespace fettle::benchmarks {

template <typename Simd>
inline void peak_loop(long rounds) noexcept {
  typename Simd::Vector sum[kPeakSums];
  const auto x = Simd::all(1e-3f);
  for (auto& s : sum) s = Simd::all(1);
  for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int s = 0; s < kPeakSums; ++s) sum[s] = Simd::fma(sum[s], x, x);
  }
  float values[Simd::kLanes];
  volatile float sink = 0;
  for (auto& s : sum) {
    Simd::store(values, s);
    sink = sink + values[0];
  }
}

}  // namespace fettle::benchmarks
