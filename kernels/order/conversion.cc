// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/conversion.h"
#include "kernels/common/cast.h"
#include "kernels/common/convert.h"
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

template <InstructionSet I, const auto& set>
constexpr const Kernel* transposing =
    kEntry<I, "convert.transpose.f32", kPatternOf<Op::convert>, Convert, set>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* of_bytes = kEntry<I, "convert.turned.q8", kPatternOf<Op::convert>, ConvertQ8, set>;

template <InstructionSet I, const auto& set>
constexpr const Kernel* casting = kEntry<I, "convert.cast.x16", kPatternOf<Op::convert>, Cast, set>;

}  // namespace

void order::list_conversions(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({
      transposing<Avx512, kConvertAvx512>,
      transposing<Avx2, kConvertAvx2>,
      casting<Avx2F16c, kCastAvx2>,
      of_bytes<Avx512Vnni, kConvertQ8Avx512>,
      of_bytes<Avx2, kConvertQ8Avx2>,
  });
#elif FETTLE_ORDER_NEON
  list.add({transposing<Neon, kConvertNeon>, casting<Neon, kCastNeon>, of_bytes<Neon, kConvertQ8Neon>});
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kConvert, &xnnpack::kConvertQ8, &xnnpack::kDequantize});
#endif
  list.add(portable::cast_entries());
  list.add(portable::convert_entries());
  list.add(portable::picture_entries());
  list.add(portable::convert_q8_entries());
}

}  // namespace fettle::kernels
