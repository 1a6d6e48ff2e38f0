// SPDX-License-Identifier: Apache-2.0
//
// Rows of elementwise operators with each instruction set's functions.
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_rows.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/x86_kernels.h"

namespace fettle::kernels {
namespace {

constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
constexpr Isa kAvx512 = Isa::avx512f | kAvx2;

constexpr auto kRows = join(kElementwiseRows<Unary, kUnaryAvx512, kAvx512, "avx512">,
                            kElementwiseRows<Unary, kUnaryAvx2, kAvx2, "avx2">,
                            kElementwiseRows<Binary, kBinaryAvx512, kAvx512, "avx512">,
                            kElementwiseRows<Binary, kBinaryAvx2, kAvx2, "avx2">);

}  // namespace

std::span<const Kernel* const> x86_elementwise_kernels() noexcept { return kRows; }

}  // namespace fettle::kernels
