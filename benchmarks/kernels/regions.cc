// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/regions.h"

#include "lib/compile/assignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

namespace fettle::benchmarks {
namespace {

struct Region {
  int first;
  std::vector<int> covers;
  std::vector<std::string> names;  // of what is covered
  LayerDesc desc;
  Signature signature;
};

// The variants of each layer of a region, in the region's formats.
std::vector<std::vector<Variant>> apart(const runtime::LayerGraph& layers, const Region& region,
                                        const std::vector<LayerVariants>& variants,
                                        const Arguments& arguments, ThreadPool* pool) {
  const auto fits = [&](const VariantInfo& info) {
    return info.variant.covers.empty() && info.variant.signature.input == region.signature.input &&
           info.variant.signature.output == region.signature.output;
  };
  std::vector<std::vector<Variant>> lists;
  std::vector<int> all{region.first};
  all.insert(all.end(), region.covers.begin(), region.covers.end());
  for (const int index : all) {
    lists.push_back(make_variants(layers.layer(index).desc, variants[static_cast<std::size_t>(index)],
                                  arguments, pool, fits));
  }
  time_in_turns(lists, arguments);
  return lists;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The chain of the fastest, and each of the region's variants beside it in the same round.
void compare(const Region& region, std::span<TimedKernel* const> chain, std::vector<Variant>& together,
             const Arguments& arguments) {
  std::vector<double> chain_us;
  std::vector<std::vector<double>> ratios(together.size());
  for (int round = 0; round < arguments.rounds; ++round) {
    chain_us.push_back(TimedKernel::time_us(chain, arguments.turn));
    for (std::size_t i = 0; i < together.size(); ++i) {
      together[i].us.push_back(together[i].kernel.time_us(arguments.turn));
      ratios[i].push_back(together[i].us.back() / chain_us.back());
    }
  }
  fmt::print("\n{}\n", region.desc.text());
  for (const TimedKernel* kernel : chain) fmt::print("  {}\n", kernel->kernel().name);
  fmt::print("  {:36} {:10.2f} us\n", "one after the other", median(chain_us));
  for (std::size_t i = 0; i < together.size(); ++i) {
    fmt::print("  {:36} {:10.2f} us {:6.2f} of that\n", together[i].kernel.kernel().name,
               together[i].median(), median(ratios[i]));
  }
}

void measure(const runtime::LayerGraph& layers, const Region& region,
             const std::vector<LayerVariants>& variants, const Arguments& arguments, ThreadPool* pool) {
  std::vector<std::vector<Variant>> lists = apart(layers, region, variants, arguments, pool);
  std::vector<TimedKernel*> chain;
  for (std::vector<Variant>& list : lists) {
    if (list.empty()) return;
    TimedKernel& best = list.front().kernel;
    if (!chain.empty() && !best.read_from(*chain.back())) return;
    chain.push_back(&best);
  }
  std::vector<Variant> together =
      make_variants(region.desc, variants[static_cast<std::size_t>(region.first)], arguments, pool,
                    [&](const VariantInfo& info) { return info.variant.covers == region.names; });
  compare(region, chain, together, arguments);
}

}  // namespace

void measure_regions(const Model& model, const std::vector<LayerVariants>& variants,
                     const Arguments& arguments, ThreadPool* pool) {
  const runtime::LayerGraph layers(ModelState::of(model));
  std::set<std::string> done;
  for (int first = 0; first < layers.size(); ++first) {
    for (const VariantInfo& info : variants[static_cast<std::size_t>(first)].variants) {
      if (info.variant.covers.empty() || info.refusal != Refusal::none) continue;
      std::vector<int> covers;
      for (const std::string& name : info.variant.covers) covers.push_back(layers.find(name));
      const Region region{first, covers, info.variant.covers, layers.describe(first, covers),
                          info.variant.signature};
      const std::string text = region.desc.text();
      if (text.find(arguments.filter) != std::string::npos && done.insert(text).second)
        measure(layers, region, variants, arguments, pool);
    }
  }
}

}  // namespace fettle::benchmarks
