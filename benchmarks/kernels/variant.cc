// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/variant.h"

#include "lib/compile/kernel_table.h"

#include <algorithm>

namespace fettle::benchmarks {

double Variant::median() {
  std::sort(us.begin(), us.end());
  return us[us.size() / 2];
}

std::vector<Variant> make_variants(const LayerDesc& layer, const LayerVariants& all,
                                   const Arguments& arguments, ThreadPool* pool,
                                   const std::function<bool(const VariantInfo&)>& wanted) {
  std::vector<Variant> variants;
  for (const VariantInfo& info : all.variants) {
    if (info.refusal != Refusal::none || !wanted(info) || info.kernel->name.ends_with(".reference")) continue;
    const int threads = info.kernel->threaded ? arguments.threads : 1;
    Result<TimedKernel> timed = TimedKernel::make(
        *info.kernel, with_signature(layer, info.variant.signature, this_cpu().isa), pool, threads);
    if (timed) variants.push_back({*std::move(timed)});
  }
  return variants;
}

void time_in_turns(std::vector<std::vector<Variant>>& lists, const Arguments& arguments) {
  for (int round = 0; round < arguments.rounds; ++round) {
    for (std::vector<Variant>& list : lists) {
      for (Variant& variant : list) variant.us.push_back(variant.kernel.time_us(arguments.turn));
    }
  }
  for (std::vector<Variant>& list : lists)
    std::sort(list.begin(), list.end(), [](Variant& a, Variant& b) { return a.median() < b.median(); });
}

}  // namespace fettle::benchmarks
