// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/dense.h"
#include "kernels/common/entry.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {
namespace {

template <InstructionSet I, const auto& tiles, const auto& epilogues = kNoEpilogue>
constexpr const Kernel* dense = kEntry<I, "gemm.panels.f32", kPatternOf<Op::gemm>, Dense, tiles, epilogues>;

}  // namespace

void order::list_products(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({dense<Avx512, kTilesAvx512, kActivation>, dense<Avx2, kTilesAvx2, kActivation>});
#elif FETTLE_ORDER_NEON
  list.add({dense<Neon, kTilesNeon, kActivation>, dense<NeonInOrder, kTilesNeonInOrder>});
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kGemmSliced, &xnnpack::kMatmulSliced, &xnnpack::kGemm, &xnnpack::kMatmul,
            &xnnpack::kGemmFew, &xnnpack::kMatmulFew, &xnnpack::kGemmQ8, &xnnpack::kMatmulQ8});
#endif
  list.add(portable::product_entries());
  list.add(portable::einsum_entries());
  list.add({&portable::attention_entry()});
  list.add(portable::product_q8_entries());
  list.add(portable::product_dynamic_entries());
}

}  // namespace fettle::kernels
