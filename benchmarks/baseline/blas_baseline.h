// SPDX-License-Identifier: Apache-2.0
//
// The classic baselines: convolutions and dense layers as im2col and a matrix product of OpenBLAS, in 32-bit
// floats. An application's kernels, given to CompileOptions::kernels.
#pragma once

#include <fettle/error.h>
#include <fettle/kernel.h>

#include <span>
#include <string>

namespace fettle::benchmarks {

/// Opens OpenBLAS and tells it what core it runs on: versions that do not know a CPU take their slowest
/// kernels. An OPENBLAS_CORETYPE in the environment is left alone. Returns the core whose kernels are used.
/// To be called once, before the rows are used and before other threads read the environment. Errors:
/// kNotCompiledIn when OpenBLAS is not installed.
Result<std::string> open_blas();

/// conv.im2col.f32.openblas (not depthwise) and gemm.f32.openblas. Threads share out the rows of the product;
/// each calls a single-threaded SGEMM. Everything else is left to Fettle's default. Constant data.
std::span<const Kernel* const> blas_kernels() noexcept;

/// A network as Caffe computes it: all of it in nchw, convolutions as im2col and products, and plain loops,
/// which are Fettle's portable kernels, for everything else, depthwise convolutions included (a product for
/// each of their channels would take longer). Constant data.
std::span<const Kernel* const> caffe_kernels();

}  // namespace fettle::benchmarks
