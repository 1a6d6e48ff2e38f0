// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/product.h"
#include "kernels/common/attention.h"
#include "kernels/common/entry.h"
#include "kernels/common/q8/dense.h"
#include "kernels/common/q8/dynamic.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

#include <array>

namespace fettle::kernels {
namespace {

template <InstructionSet I, const auto& set, const auto& epilogues = kResidual>
constexpr const Kernel* dense = kEntry<I, "gemm.panels.f32", kPatternOf<Op::gemm>, Product, set, epilogues>;
template <InstructionSet I, const auto& set, const auto& epilogues = kResidual>
constexpr const Kernel* product =
    kEntry<I, "matmul.panels.f32", kPatternOf<Op::matmul>, Product, set, epilogues>;

// Weights in fewer bits: plans ask for them.
template <InstructionSet I, Text type, Algorithm A, const auto& set>
constexpr const Kernel* dense_narrow = kEntry<I, concatenated(Text("gemm.panels.f32_"), type, Text("w")),
                                              kPatternOf<Op::gemm>, A, set, kResidualOrActivation>;
template <InstructionSet I, Text type, Algorithm A, const auto& set>
constexpr const Kernel* product_narrow = kEntry<I, concatenated(Text("matmul.panels.f32_"), type, Text("w")),
                                                kPatternOf<Op::matmul>, A, set, kResidualOrActivation>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* attention =
    kEntry<I, "attention.tiles.f32", kPatternOf<Op::attention>, Attention, set>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* dense_q8 = kEntry<I, "gemm.panels.q8", kPatternOf<Op::gemm>, DenseQ8, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* matmul_q8 = kEntry<I, "matmul.panels.q8", kPatternOf<Op::matmul>, DenseQ8, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* dense_dynamic = kEntry<I, "gemm.dynamic.u8", kPatternOf<Op::gemm>, DenseDynamic, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* matmul_dynamic =
    kEntry<I, "matmul.dynamic.u8", kPatternOf<Op::matmul>, DenseDynamic, set>;

#if FETTLE_ORDER_X86
constexpr AttentionSet kAttentionAvx512{kTilesAvx512, kConvertAvx512, kScoresAvx512};
constexpr AttentionSet kAttentionAvx2{kTilesAvx2, kConvertAvx2, kScoresAvx2};
constexpr ProductSet kProductAvx512{kTilesAvx512, kConvertAvx512};
constexpr ProductSet kProductAvx2{kTilesAvx2, kConvertAvx2};
constexpr ProductSet kF16WeightsAvx512{kTilesF16WeightsAvx512, kConvertAvx512, kF16Weights};
constexpr ProductSet kBf16WeightsAvx512{kTilesBf16WeightsAvx512, kConvertAvx512, kBf16Weights};
constexpr ProductSet kS8WeightsAvx512{kTilesS8WeightsAvx512, kConvertAvx512, kS8Weights};
constexpr ProductSet kF16WeightsAvx2{kTilesF16WeightsAvx2, kConvertAvx2, kF16Weights};
constexpr ProductSet kBf16WeightsAvx2{kTilesBf16WeightsAvx2, kConvertAvx2, kBf16Weights};
constexpr ProductSet kS8WeightsAvx2{kTilesS8WeightsAvx2, kConvertAvx2, kS8Weights};
#elif FETTLE_ORDER_NEON
constexpr AttentionSet kAttentionNeon{kTilesNeon, kConvertNeon, kScoresNeon};
constexpr AttentionSet kAttentionNeonInOrder{kTilesNeonInOrder, kConvertNeon, kScoresNeon};
constexpr ProductSet kProductNeon{kTilesNeon, kConvertNeon};
constexpr ProductSet kProductNeonInOrder{kTilesNeonInOrder, kConvertNeon};
constexpr ProductSet kF16WeightsNeon{kTilesF16WeightsNeon, kConvertNeon, kF16Weights};
constexpr ProductSet kBf16WeightsNeon{kTilesBf16WeightsNeon, kConvertNeon, kBf16Weights};
constexpr ProductSet kS8WeightsNeon{kTilesS8WeightsNeon, kConvertNeon, kS8Weights};
#endif

// Each type of weights with one instruction set.
template <InstructionSet I, const auto& f16, const auto& bf16, const auto& s8>
constexpr std::array<const Kernel*, 6> kNarrowWeights = {
    dense_narrow<I, "f16", ProductF16Weights, f16>,      dense_narrow<I, "bf16", ProductBf16Weights, bf16>,
    dense_narrow<I, "s8", ProductS8Weights, s8>,         product_narrow<I, "f16", ProductF16Weights, f16>,
    product_narrow<I, "bf16", ProductBf16Weights, bf16>, product_narrow<I, "s8", ProductS8Weights, s8>};

}  // namespace

void order::list_products(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({dense<Avx512, kProductAvx512, kResidualOrActivation>,
            dense<Avx2, kProductAvx2, kResidualOrActivation>,
            product<Avx512, kProductAvx512, kResidualOrActivation>,
            product<Avx2, kProductAvx2, kResidualOrActivation>, attention<Avx512, kAttentionAvx512>,
            attention<Avx2, kAttentionAvx2>, dense_q8<Avx512Vnni, kTilesQ8Vnni512>,
            matmul_q8<Avx512Vnni, kTilesQ8Vnni512>, dense_dynamic<Avx512Vnni, kTilesQ8Vnni512>,
            dense_dynamic<Avx2, kTilesQ8Avx2>, matmul_dynamic<Avx512Vnni, kTilesQ8Vnni512>,
            matmul_dynamic<Avx2, kTilesQ8Avx2>});
#elif FETTLE_ORDER_NEON
  list.add({dense<Neon, kProductNeon, kResidualOrActivation>, dense<NeonInOrder, kProductNeonInOrder>,
            product<Neon, kProductNeon, kResidualOrActivation>, product<NeonInOrder, kProductNeonInOrder>,
            attention<Neon, kAttentionNeon>, attention<NeonInOrder, kAttentionNeonInOrder>});
#if !defined(__arm__)
  list.add({dense_dynamic<NeonDot, kTilesQ8NeonDot>, matmul_dynamic<NeonDot, kTilesQ8NeonDot>});
#endif
  list.add({dense_dynamic<Neon, kTilesQ8Neon>, matmul_dynamic<Neon, kTilesQ8Neon>});
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kGemmSliced, &xnnpack::kMatmulSliced, &xnnpack::kGemm, &xnnpack::kMatmul,
            &xnnpack::kGemmFew, &xnnpack::kMatmulFew, &xnnpack::kGemmQ8, &xnnpack::kMatmulQ8});
#endif
#if FETTLE_ORDER_X86
  // Not measured beside XNNPACK's on a CPU that has no more than AVX2.
  list.add({dense_q8<Avx2, kTilesQ8Avx2>, matmul_q8<Avx2, kTilesQ8Avx2>});
#elif FETTLE_ORDER_NEON
  // XNNPACK's have fewer instructions for a product, these take any zero points. Plans choose by time.
#if !defined(__arm__)
  list.add({dense_q8<NeonDot, kTilesQ8NeonDot>, matmul_q8<NeonDot, kTilesQ8NeonDot>});
#endif
  list.add({dense_q8<Neon, kTilesQ8Neon>, matmul_q8<Neon, kTilesQ8Neon>});
#endif
#if FETTLE_ORDER_X86
  list.add(kNarrowWeights<Avx512, kF16WeightsAvx512, kBf16WeightsAvx512, kS8WeightsAvx512>);
  list.add(kNarrowWeights<Avx2F16c, kF16WeightsAvx2, kBf16WeightsAvx2, kS8WeightsAvx2>);
#elif FETTLE_ORDER_NEON
  list.add(kNarrowWeights<Neon, kF16WeightsNeon, kBf16WeightsNeon, kS8WeightsNeon>);
#endif
  list.add(portable::product_entries());
  list.add(portable::einsum_entries());
  list.add({&portable::attention_entry()});
  list.add(portable::rotation_entries());
  list.add(portable::product_q8_entries());
  list.add(portable::product_dynamic_entries());
}

}  // namespace fettle::kernels
