// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise.h"
#include "kernels/common/depthwise_phases.h"
#include "kernels/common/direct.h"
#include "kernels/common/entry.h"
#include "kernels/common/indirect.h"
#include "kernels/common/indirect_volume.h"
#include "kernels/common/padded_rows.h"
#include "kernels/common/patches.h"
#include "kernels/common/phases.h"
#include "kernels/common/planar_pixels.h"
#include "kernels/common/planar_rows.h"
#include "kernels/common/q8/depthwise.h"
#include "kernels/common/q8/dynamic.h"
#include "kernels/common/q8/indirect.h"
#include "kernels/common/winograd.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"
#if FETTLE_WITH_XNNPACK
#include "kernels/xnnpack/entries.h"
#endif

namespace fettle::kernels {
namespace {

using DefaultRule = bool (*)(const LayerDesc& layer);

template <InstructionSet I, Text name, Algorithm A, const auto& set, const auto& epilogues = kNoEpilogue,
          DefaultRule by_default = nullptr>
constexpr const Kernel* conv = kEntry<I, name, kPatternOf<Op::conv>, A, set, epilogues, by_default>;

template <InstructionSet I, Text name, Algorithm A, const auto& set>
constexpr const Kernel* conv_transpose = kEntry<I, name, kPatternOf<Op::conv_transpose>, A, set>;

}  // namespace

void order::list_convolutions(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({
      conv<Avx512, "dwconv.direct.f32", Depthwise, kDepthwiseAvx512, kActivation>,
      conv<Avx2, "dwconv.direct.f32", Depthwise, kDepthwiseAvx2, kActivation>,
      conv<Avx512, "conv.planar_pixels.f32", PlanarPixels, kPlanarPixelsAvx512, kActivation,
           PlanarPixels::pays>,
      conv<Avx2, "conv.planar_pixels.f32", PlanarPixels, kPlanarPixelsAvx2, kActivation, PlanarPixels::pays>,
      conv<Avx512, "conv.planar_rows.f32", PlanarRows, kPlanarAvx512, kActivation>,
      conv<Avx2, "conv.planar_rows.f32", PlanarRows, kPlanarAvx2, kActivation>,
      conv<Avx512, "conv.winograd_f2.f32", Winograd, kWinogradF2Avx512, kResidualOrActivation,
           Winograd::pays>,
      conv<Avx2, "conv.winograd_f2.f32", Winograd, kWinogradF2Avx2, kResidualOrActivation, Winograd::pays>,
      conv<Avx512, "conv.padded_rows.f32", PaddedRows, kTilesAvx512, kActivation>,
      conv<Avx2, "conv.padded_rows.f32", PaddedRows, kTilesAvx2, kActivation>,
      conv<Avx512, "conv.indirect.f32", Indirect, kTilesAvx512, kResidualOrActivation>,
      conv<Avx2, "conv.indirect.f32", Indirect, kTilesAvx2, kResidualOrActivation>,
      conv<Avx512, "conv.indirect_volume.f32", IndirectVolume, kTilesAvx512, kResidualOrActivation>,
      conv<Avx2, "conv.indirect_volume.f32", IndirectVolume, kTilesAvx2, kResidualOrActivation>,
      // Where these are faster, they round more: plans may take them, which the tuner checks.
      conv<Avx512, "conv.winograd_f4.f32", WinogradF4, kWinogradF4Avx512, kResidualOrActivation>,
      conv<Avx512, "conv.winograd_f5.f32", WinogradF5, kWinogradF5Avx512, kResidualOrActivation>,
      conv<Avx512, "conv.winograd_f6.f32", WinogradF6, kWinogradF6Avx512, kResidualOrActivation>,
      conv<Avx2, "conv.winograd_f4.f32", WinogradF4, kWinogradF4Avx2, kResidualOrActivation>,
      conv<Avx2, "conv.winograd_f5.f32", WinogradF5, kWinogradF5Avx2, kResidualOrActivation>,
      conv<Avx2, "conv.winograd_f6.f32", WinogradF6, kWinogradF6Avx2, kResidualOrActivation>,
      conv<Avx512Vnni, "dwconv.direct.q8", DepthwiseQ8, kDepthwiseQ8Vnni512>,
      conv<Avx2, "dwconv.direct.q8", DepthwiseQ8, kDepthwiseQ8Avx2>,
      conv<Avx512Vnni, "conv.indirect.q8", IndirectQ8, kTilesQ8Vnni512>,
      conv<Avx512Vnni, "conv.dynamic.u8", ConvDynamic, kTilesQ8Vnni512>,
      conv<Avx2, "conv.dynamic.u8", ConvDynamic, kTilesQ8Avx2>,
      conv_transpose<Avx512, "conv_transpose.depthwise.f32", DepthwisePhases, kDepthwiseAvx512>,
      conv_transpose<Avx2, "conv_transpose.depthwise.f32", DepthwisePhases, kDepthwiseAvx2>,
      conv_transpose<Avx512, "conv_transpose.patches.f32", Patches, kTilesAvx512>,
      conv_transpose<Avx512, "conv_transpose.phases.f32", Phases, kTilesAvx512>,
      conv_transpose<Avx2, "conv_transpose.patches.f32", Patches, kTilesAvx2>,
      conv_transpose<Avx2, "conv_transpose.phases.f32", Phases, kTilesAvx2>,
  });
#elif FETTLE_ORDER_NEON
  list.add({
      conv<Neon, "dwconv.direct.f32", Depthwise, kDepthwiseNeon, kActivation>,
      conv<Neon, "conv.winograd_f2.f32", Winograd, kWinogradF2Neon, kResidualOrActivation, Winograd::pays>,
      conv<Neon, "conv.padded_rows.f32", PaddedRows, kTilesNeon, kActivation>,
      conv<Neon, "conv.indirect.f32", Indirect, kTilesNeon, kResidualOrActivation>,
      conv<Neon, "conv.indirect_volume.f32", IndirectVolume, kTilesNeon, kResidualOrActivation>,
      conv<Neon, "conv.planar_pixels.f32", PlanarPixels, kPlanarPixelsNeon, kActivation>,
      // Where these are faster, they round more: plans may take them, which the tuner checks.
      conv<Neon, "conv.winograd_f4.f32", WinogradF4, kWinogradF4Neon, kResidualOrActivation>,
      conv<Neon, "conv.winograd_f5.f32", WinogradF5, kWinogradF5Neon, kResidualOrActivation>,
      conv<Neon, "conv.winograd_f6.f32", WinogradF6, kWinogradF6Neon, kResidualOrActivation>,
      conv<NeonInOrder, "conv.winograd_f2.f32", Winograd, kWinogradF2NeonInOrder, kResidual, Winograd::pays>,
      conv<NeonInOrder, "conv.padded_rows.f32", PaddedRows, kTilesNeonInOrder>,
      conv<NeonInOrder, "conv.indirect.f32", Indirect, kTilesNeonInOrder, kResidual>,
      conv<NeonInOrder, "conv.indirect_volume.f32", IndirectVolume, kTilesNeonInOrder, kResidual>,
      conv<NeonInOrder, "conv.winograd_f4.f32", WinogradF4, kWinogradF4NeonInOrder, kResidual>,
      conv<NeonInOrder, "conv.winograd_f5.f32", WinogradF5, kWinogradF5NeonInOrder, kResidual>,
      conv<NeonInOrder, "conv.winograd_f6.f32", WinogradF6, kWinogradF6NeonInOrder, kResidual>,
      conv_transpose<Neon, "conv_transpose.depthwise.f32", DepthwisePhases, kDepthwiseNeon>,
      conv_transpose<Neon, "conv_transpose.patches.f32", Patches, kTilesNeon>,
      conv_transpose<Neon, "conv_transpose.phases.f32", Phases, kTilesNeon>,
      conv_transpose<NeonInOrder, "conv_transpose.patches.f32", Patches, kTilesNeonInOrder>,
      conv_transpose<NeonInOrder, "conv_transpose.phases.f32", Phases, kTilesNeonInOrder>,
  });
#if !defined(__arm__)
  list.add({conv<NeonDot, "conv.dynamic.u8", ConvDynamic, kTilesQ8NeonDot>});
#endif
  list.add({conv<Neon, "conv.dynamic.u8", ConvDynamic, kTilesQ8Neon>});
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kDepthwiseConv, &xnnpack::kConvSliced, &xnnpack::kConv, &xnnpack::kConvTranspose,
            &xnnpack::kConvTransposeFew, &xnnpack::kDepthwiseConvQ8, &xnnpack::kConvQ8});
#endif
#if FETTLE_ORDER_X86
  // Not measured beside XNNPACK's on a CPU that has no more than AVX2.
  list.add({conv<Avx2, "conv.indirect.q8", IndirectQ8, kTilesQ8Avx2>});
#elif FETTLE_ORDER_NEON
  // XNNPACK's have fewer instructions for a product (docs/performance.md), these take any zero points. Plans
  // choose by time.
#if !defined(__arm__)
  list.add({conv<NeonDot, "dwconv.direct.q8", DepthwiseQ8, kDepthwiseQ8NeonDot>,
            conv<NeonDot, "conv.indirect.q8", IndirectQ8, kTilesQ8NeonDot>});
#endif
  list.add({conv<Neon, "dwconv.direct.q8", DepthwiseQ8, kDepthwiseQ8Neon>,
            conv<Neon, "conv.indirect.q8", IndirectQ8, kTilesQ8Neon>});
#endif
  list.add({&portable::depthwise_entry(), &portable::conv_entry(), &portable::conv_volume_entry(),
            &portable::conv_transpose_volume_entry(), &portable::depthwise_q8_entry(),
            &portable::conv_q8_entry(), &portable::conv_dynamic_entry()});
  // In blocks of channels, which pays where neighbours work in blocks too.
#if FETTLE_ORDER_X86
  list.add({
      conv<Avx512, "conv.direct.f32", Direct, kDirectAvx512, kResidualOrActivation>,
      conv<Avx2, "conv.direct.f32", Direct, kDirectAvx2, kResidualOrActivation>,
  });
#elif FETTLE_ORDER_NEON
  list.add({conv<Neon, "conv.direct.f32", Direct, kDirectNeon, kResidualOrActivation>});
#endif
}

}  // namespace fettle::kernels
