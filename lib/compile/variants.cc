// SPDX-License-Identifier: Apache-2.0
//
// What there is to choose from, layer by layer: every kernel of the layer's operator, runnable or refused.
#include "kernels/reference/reference_kernels.h"
#include "lib/base/guard.h"
#include "lib/compile/assignment.h"
#include "lib/compile/kernel_table.h"

#include <utility>

namespace fettle {
namespace {

using namespace runtime;

VariantInfo describe_variant(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                             const Signature& offered, int layer, const std::vector<int>& covers) {
  VariantInfo info;
  info.kernel = &kernel;
  info.variant = variant_of(layers, table, kernel, offered, layer, covers);
  info.reference = kernels::is_reference(kernel);
  info.refusal = check_variant(layers, table, kernel, offered, layer, covers);
  return info;
}

std::vector<LayerVariants> list_variants(const Model& model, const CompileOptions& options) {
  const KernelTable table(options.kernels, options.cpu != nullptr ? *options.cpu : this_cpu(),
                          options.nonfinite);
  const LayerGraph layers(ModelState::of(model));
  std::vector<ReportEntry> report;
  const std::vector<Assignment> defaults = default_assignments(layers, {&table, &options, &report});

  std::vector<LayerVariants> all;
  for (int index = 0; index < layers.size(); ++index) {
    LayerVariants entry;
    entry.layer = layers.layer(index).id;
    for (const Kernel* kernel : table.entries()) {
      for (const std::vector<int>& covers : layers.matches(*kernel, index)) {
        for (const Signature& offered : kernel->signatures) {
          VariantInfo info = describe_variant(layers, table, *kernel, offered, index, covers);
          const Assignment& chosen = defaults[static_cast<std::size_t>(index)];
          info.is_default = chosen.kernel == kernel && chosen.variant.signature == info.variant.signature &&
                            chosen.covers == covers;
          entry.variants.push_back(std::move(info));
        }
      }
    }
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace

std::vector<LayerVariants> enumerate_variants(const Model& model, const CompileOptions& options) {
  Result<std::vector<LayerVariants>> all =
      guard_allocation([&]() -> Result<std::vector<LayerVariants>> { return list_variants(model, options); });
  return all ? *std::move(all) : std::vector<LayerVariants>{};
}

}  // namespace fettle
