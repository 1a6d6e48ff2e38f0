// SPDX-License-Identifier: Apache-2.0
//
// Which variant each layer gets: the static defaults, overridden by what a plan says and this device can do.
#pragma once

#include "lib/compile/kernel_table.h"
#include "lib/compile/layer_graph.h"

#include <fettle/plan.h>
#include <fettle/program.h>

#include <span>
#include <string>
#include <vector>

namespace fettle::runtime {

/// The variant of one layer.
struct Assignment {
  const Kernel* kernel = nullptr;  ///< null for layers that a region covers
  Variant variant;
  std::vector<int> covers;  ///< indices of variant.covers
  int covered_by = -1;      ///< index of the region's first layer, or -1
};

/// What assigning needs beside the model.
struct AssignContext {
  const KernelTable* table;
  const CompileOptions* options;
  std::vector<ReportEntry>* report;
};

/// Static defaults for all layers; without a kernel where none runs the layer by itself, which a plan may
/// mend with a region. Regions stay clear of the layers for which `planned`, if it is not empty, has a
/// choice.
std::vector<Assignment> default_assignments(const LayerGraph& layers, const AssignContext& context,
                                            std::span<const Assignment> planned = {});

/// The plan's choices, where they can be followed; what cannot is reported. Errors: kPlanOtherModel.
Result<std::vector<Assignment>> planned_assignments(const LayerGraph& layers, const Plan& plan,
                                                    const AssignContext& context);

/// The defaults, with the choices of `plan` in their place unless it is null. Errors: kPlanOtherModel.
Result<std::vector<Assignment>> assign(const LayerGraph& layers, const Plan* plan,
                                       const AssignContext& context);

/// Errors: kModelUnsupported, listing every layer that no kernel runs.
Status check_assignments(const LayerGraph& layers, const std::vector<Assignment>& assignments);

/// How many threads, at most `most`, a layer keeps busy long enough to be worth waking when nobody has
/// measured.
int worthwhile_threads(const LayerDesc& desc, std::int64_t macs, int most);

/// Whether the variant runs the layer (with what it covers) here.
Refusal check_variant(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                      const Signature& signature, int first, std::span<const int> covers);
/// The variant in which `kernel` computes the layer (with what it covers) with one of its signatures, on one
/// thread.
Variant variant_of(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                   const Signature& offered, int first, std::span<const int> covers);

}  // namespace fettle::runtime
