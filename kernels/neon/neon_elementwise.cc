// SPDX-License-Identifier: Apache-2.0
//
// Rows of elementwise operators with each instruction set's functions.
#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_rows.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/neon_kernels.h"

namespace fettle::kernels {
namespace {

#if defined(__aarch64__)
constexpr Isa kNeon = Isa::neon;
#else
constexpr Isa kNeon = Isa::neon | Isa::neon_fma;
#endif

constexpr auto kRows = join(kElementwiseRows<Unary, kUnaryNeon, kNeon, "neon">,
                            kElementwiseRows<Binary, kBinaryNeon, kNeon, "neon">);

}  // namespace

std::span<const Kernel* const> neon_elementwise_kernels() noexcept { return kRows; }

}  // namespace fettle::kernels
