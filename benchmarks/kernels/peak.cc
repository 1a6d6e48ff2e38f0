// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/peak.h"

#include <algorithm>
#include <chrono>

namespace fettle::benchmarks {
namespace {

double best_gflops(void (*loop)(long) noexcept, int lanes) {
  constexpr long kRounds = 200'000;
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    loop(kRounds);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * kPeakSums * lanes * static_cast<double>(kRounds) / seconds / 1e9);
  }
  return best;
}

}  // namespace

double peak_gflops(Isa isa) {
#if defined(__x86_64__)
  if (has_all(isa, Isa::avx512f)) return best_gflops(peak_avx512, 16);
  if (has_all(isa, Isa::avx2 | Isa::fma3)) return best_gflops(peak_avx2, 8);
#elif defined(__aarch64__)
  if (has_all(isa, Isa::neon)) return best_gflops(peak_neon, 4);
#endif
  return 0;
}

}  // namespace fettle::benchmarks
