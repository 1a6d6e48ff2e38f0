// SPDX-License-Identifier: Apache-2.0
//
// Rows: each algorithm of kernels/common with each instruction set's innermost loop.
#include "kernels/x86/x86_kernels.h"

#include "kernels/common/indirect.h"
#include "kernels/x86/tiles.h"

namespace fettle::kernels {
namespace {

constexpr Isa kAvx2 = Isa::avx2 | Isa::fma3;
constexpr Isa kAvx512 = Isa::avx512f | kAvx2;

constexpr Op kConv[] = {Op::conv};
constexpr Op kConvAdd[] = {Op::conv, Op::add};

constexpr Kernel kIndirectAvx512 = indirect_row<kTilesAvx512>("conv.indirect.f32.avx512", kAvx512, kConv);
constexpr Kernel kIndirectAvx2 = indirect_row<kTilesAvx2>("conv.indirect.f32.avx2", kAvx2, kConv);
constexpr Kernel kIndirectAddAvx512 =
    indirect_row<kTilesAvx512>("conv.indirect_add.f32.avx512", kAvx512, kConvAdd);
constexpr Kernel kIndirectAddAvx2 = indirect_row<kTilesAvx2>("conv.indirect_add.f32.avx2", kAvx2, kConvAdd);

constexpr const Kernel* kRows[] = {&kIndirectAvx512, &kIndirectAvx2, &kIndirectAddAvx512, &kIndirectAddAvx2};

}  // namespace

std::span<const Kernel* const> x86_kernels() noexcept { return kRows; }

}  // namespace fettle::kernels
