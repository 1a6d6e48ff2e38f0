// SPDX-License-Identifier: Apache-2.0
//
// Which variant each layer gets: the static defaults, overridden by what a plan says and this device can do.
#pragma once

#include "lib/runtime/kernel_table.h"
#include "lib/runtime/model_state.h"

#include <fettle/plan.h>
#include <fettle/program.h>

#include <span>
#include <string>
#include <vector>

namespace fettle::runtime {

/// The variant of one layer.
struct Assignment {
  const Kernel* kernel = nullptr;  ///< null for layers that a region covers
  LayoutPair layouts{Layout::nchw, Layout::nchw};
  int threads = 1;
  std::vector<int> covers;  ///< indices of the further layers of a region
  int covered_by = -1;      ///< index of the region's first layer, or -1
};

/// How the layers of a model hang together.
class LayerGraph {
 public:
  explicit LayerGraph(const Model::State& model);

  const Model::State& model() const { return *model_; }
  const LayerInfo& layer(int index) const { return model_->layers[static_cast<std::size_t>(index)]; }
  int size() const { return static_cast<int>(model_->layers.size()); }
  /// The layer of that id, or -1.
  int find(std::string_view id) const;
  /// The layers that `kernel`'s pattern covers when it begins at `first`, without `first`; empty when it does
  /// not fit. Inner results must have no other use.
  std::vector<int> match(const Kernel& kernel, int first) const;
  /// One description for a layer and those it covers, every format nchw.
  LayerDesc describe(int first, std::span<const int> covers) const;
  /// For each input of describe(first, covers): the value's number, or -1 for constants.
  std::vector<int> input_values(int first, std::span<const int> covers) const;
  /// For each input of describe(first, covers): the constant, or null.
  std::vector<std::shared_ptr<const graph::Constant>> input_constants(int first,
                                                                      std::span<const int> covers) const;

 private:
  int sole_consumer(int value) const;

  const Model::State* model_;
  std::vector<std::vector<int>> consumers_;  ///< by value: layers that use it, with repetition
  std::vector<char> is_output_;              ///< by value
};

/// What assigning needs beside the model.
struct AssignContext {
  const KernelTable* table;
  const CompileOptions* options;
  std::vector<ReportEntry>* report;
};

/// Static defaults for all layers; without a kernel where none runs the layer by itself, which a plan may
/// mend with a region.
std::vector<Assignment> default_assignments(const LayerGraph& layers, const AssignContext& context);

/// The defaults with the plan's choices in their place; what cannot be followed is reported. Errors:
/// kPlanOtherModel.
Status apply_plan(const LayerGraph& layers, const Plan& plan, const AssignContext& context,
                  std::vector<Assignment>& assignments);

/// Errors: kModelUnsupported, listing every layer that no kernel runs.
Status check_assignments(const LayerGraph& layers, const std::vector<Assignment>& assignments);

/// How many threads, at most `most`, a layer keeps busy long enough to be worth waking when nobody has
/// measured.
int worthwhile_threads(const LayerDesc& desc, std::int64_t macs, int most);

/// Whether the variant runs the layer (with what it covers) here.
Refusal check_variant(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                      LayoutPair layouts, int first, std::span<const int> covers);

}  // namespace fettle::runtime
