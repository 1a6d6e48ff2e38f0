// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/recurrent.h"
#include "kernels/common/entry.h"
#include "kernels/order/instruction_sets.h"
#include "kernels/order/order.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels {
namespace {

template <InstructionSet I, const auto& set>
constexpr const Kernel* lstm = kEntry<I, "lstm.panels.f32", kPatternOf<Op::lstm>, Recurrent, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* gru = kEntry<I, "gru.panels.f32", kPatternOf<Op::gru>, Recurrent, set>;
template <InstructionSet I, const auto& set>
constexpr const Kernel* rnn = kEntry<I, "rnn.panels.f32", kPatternOf<Op::rnn>, Recurrent, set>;

#if FETTLE_ORDER_X86
constexpr RecurrentSet kRecurrentAvx512{kTilesAvx512, kUnaryAvx512};
constexpr RecurrentSet kRecurrentAvx2{kTilesAvx2, kUnaryAvx2};
#elif FETTLE_ORDER_NEON
constexpr RecurrentSet kRecurrentNeon{kTilesNeon, kUnaryNeon};
constexpr RecurrentSet kRecurrentNeonInOrder{kTilesNeonInOrder, kUnaryNeon};
#endif

}  // namespace

void order::list_recurrent(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({lstm<Avx512, kRecurrentAvx512>, gru<Avx512, kRecurrentAvx512>, rnn<Avx512, kRecurrentAvx512>,
            lstm<Avx2, kRecurrentAvx2>, gru<Avx2, kRecurrentAvx2>, rnn<Avx2, kRecurrentAvx2>});
#elif FETTLE_ORDER_NEON
  list.add({lstm<Neon, kRecurrentNeon>, gru<Neon, kRecurrentNeon>, rnn<Neon, kRecurrentNeon>,
            lstm<NeonInOrder, kRecurrentNeonInOrder>, gru<NeonInOrder, kRecurrentNeonInOrder>,
            rnn<NeonInOrder, kRecurrentNeonInOrder>});
#endif
  list.add(portable::recurrent_entries());
}

}  // namespace fettle::kernels
