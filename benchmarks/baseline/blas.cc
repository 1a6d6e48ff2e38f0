// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/baseline/blas.h"

#include "benchmarks/baseline/blas_baseline.h"

#include <fettle/cpu.h>

#include <dlfcn.h>

#include <cstdlib>

namespace fettle::benchmarks {
namespace {

// Values of CBLAS's enumerations.
constexpr int kRowMajor = 101;
constexpr int kNoTranspose = 111;
constexpr int kTranspose = 112;

using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                       const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);
Sgemm sgemm = nullptr;

const char* core_type() {
  const Isa isa = this_cpu().isa;
  if (has_all(isa, Isa::avx512f | Isa::avx512vl | Isa::avx512bw | Isa::avx512dq)) return "SkylakeX";
  if (has_all(isa, Isa::avx2 | Isa::fma3)) return "Haswell";
  return nullptr;
}

}  // namespace

Result<std::string> open_blas() {
  if (const char* core = core_type(); core != nullptr) setenv("OPENBLAS_CORETYPE", core, 0);
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error(ErrorCode::kNotCompiledIn, "OpenBLAS cannot be opened: " + std::string(dlerror()),
                 "install it: scripts/bootstrap --with-benchmarks");
  }
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
  const auto core_name = reinterpret_cast<const char* (*)()>(dlsym(library, "openblas_get_corename"));
  sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  if (set_threads == nullptr || core_name == nullptr || sgemm == nullptr)
    return Error(ErrorCode::kNotCompiledIn, "libopenblas.so.0 lacks cblas_sgemm or OpenBLAS's own functions");
  set_threads(1);
  return std::string(core_name());
}

void add_product(std::int64_t m, std::int64_t n, std::int64_t k, Operand a, Operand b, float* y,
                 std::int64_t stride) {
  sgemm(kRowMajor, a.transposed ? kTranspose : kNoTranspose, b.transposed ? kTranspose : kNoTranspose,
        static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1.0f, a.data,
        static_cast<int>(a.stride), b.data, static_cast<int>(b.stride), 1.0f, y, static_cast<int>(stride));
}

}  // namespace fettle::benchmarks
