// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pooling.h"
#include "kernels/common/blocked_layers.h"
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

template <InstructionSet I, Op op, Algorithm A, const auto& set, Text algorithm = ".direct.f32">
constexpr const Kernel* pool = kEntry<I, concatenated(kOpText<op>, algorithm), kPatternOf<op>, A, set>;

template <InstructionSet I, Op op, Algorithm A, const auto& set>
constexpr const Kernel* pool_in_blocks = pool<I, op, A, set, ".blocks.f32">;

}  // namespace

void order::list_pooling(KernelList& list) noexcept {
#if FETTLE_ORDER_X86
  list.add({
      pool<Avx512, Op::max_pool, Pool, kMaxPoolAvx512>,
      pool<Avx512, Op::global_max_pool, Pool, kMaxPoolAvx512>,
      pool<Avx512, Op::average_pool, Pool, kAveragePoolAvx512>,
      pool<Avx2, Op::max_pool, Pool, kMaxPoolAvx2>,
      pool<Avx2, Op::global_max_pool, Pool, kMaxPoolAvx2>,
      pool<Avx2, Op::average_pool, Pool, kAveragePoolAvx2>,
  });
#elif FETTLE_ORDER_NEON
  list.add({
      pool<Neon, Op::max_pool, Pool, kMaxPoolNeon>,
      pool<Neon, Op::global_max_pool, Pool, kMaxPoolNeon>,
      pool<Neon, Op::average_pool, Pool, kAveragePoolNeon>,
  });
#endif
#if FETTLE_WITH_XNNPACK
  list.add({&xnnpack::kMaxPool, &xnnpack::kAveragePool, &xnnpack::kGlobalAveragePool, &xnnpack::kMaxPoolQ8,
            &xnnpack::kGlobalAveragePoolQ8});
#endif
  list.add(portable::pooling_entries());
  list.add(portable::volume_pooling_entries());
  list.add(portable::pooling_q8_entries());
  // In blocks of channels, which pays where neighbours work in blocks too.
#if FETTLE_ORDER_X86
  list.add({
      pool_in_blocks<Avx512, Op::max_pool, BlockedPool, kMaxPoolAvx512>,
      pool_in_blocks<Avx512, Op::average_pool, BlockedPool, kAveragePoolAvx512>,
      pool_in_blocks<Avx512, Op::global_average_pool, BlockedMean, kBlockedAvx512>,
      pool_in_blocks<Avx2, Op::max_pool, BlockedPool, kMaxPoolAvx2>,
      pool_in_blocks<Avx2, Op::average_pool, BlockedPool, kAveragePoolAvx2>,
      pool_in_blocks<Avx2, Op::global_average_pool, BlockedMean, kBlockedAvx2>,
  });
#elif FETTLE_ORDER_NEON
  list.add({
      pool_in_blocks<Neon, Op::max_pool, BlockedPool, kMaxPoolNeon>,
      pool_in_blocks<Neon, Op::average_pool, BlockedPool, kAveragePoolNeon>,
      pool_in_blocks<Neon, Op::global_average_pool, BlockedMean, kBlockedNeon>,
  });
#endif
}

}  // namespace fettle::kernels
