// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/assignment.h"

#include "lib/base/channel_block.h"
#include "lib/runtime/schedule.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace fettle::runtime {
namespace {

// The layouts in which values are produced, as far as layers have been assigned.
class ProducedLayouts {
 public:
  ProducedLayouts(const ModelState& model, const CompileOptions& options)
      : layouts_(model.graph->value_count(), Layout::nchw) {
    for (graph::ValueId value : model.graph->inputs) {
      const auto entry = options.inputs.find(model.graph->value(value).name);
      if (entry != options.inputs.end() && entry->second.u8_nhwc) (*this)[value] = Layout::nhwc;
    }
  }
  Layout& operator[](int value) { return layouts_[static_cast<std::size_t>(value)]; }

  void set_outputs(const LayerInfo& layer, Layout layout) {
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      if (layer.desc.outputs[i].shape.rank() >= 3) (*this)[layer.outputs[i]] = layout;
    }
  }

 private:
  std::vector<Layout> layouts_;
};

// What one kernel is to compute: a layer, or several.
struct Region {
  int first;
  std::vector<int> covers;
  LayerDesc desc;
  std::vector<int> inputs;  // values, see LayerGraph::input_values

  Region(const LayerGraph& layers, int index, const std::vector<int>& others)
      : first(index),
        covers(others),
        desc(layers.describe(index, others)),
        inputs(layers.input_values(index, others)) {}
  int last() const { return covers.empty() ? first : covers.back(); }
};

// Bytes that would have to be converted before the region can run in `input`.
std::int64_t mismatched_bytes(const Region& region, Layout input, ProducedLayouts& produced, Isa isa) {
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < region.inputs.size(); ++i) {
    const TensorDesc& tensor = region.desc.inputs[i];
    if (region.inputs[i] < 0 || tensor.shape.rank() < 3) continue;
    const Format wanted = in_layout(tensor.format, input, isa);
    const Format have = in_layout(tensor.format, produced[region.inputs[i]], isa);
    if (!same_memory(tensor.shape, wanted, have))
      bytes += static_cast<std::int64_t>(dense_bytes(tensor.shape, wanted));
  }
  return bytes;
}

// Whether a variant of the signature computes in the types that the graph has: reduced precision is a plan's
// choice.
bool keeps_types(const LayerDesc& layer, const Signature& offered) {
  const Signature own = signature_of(layer, {offered.input.layout, offered.output.layout});
  const auto kept = [](DataType wanted, DataType has) {
    return wanted == DataType::undefined || wanted == has;
  };
  return kept(offered.input.type, own.input.type) && kept(offered.output.type, own.output.type) &&
         kept(offered.weights, own.weights);
}

// Whether the kernel runs the layer in the signature.
Refusal check_desc(const KernelTable& table, const Kernel& kernel, const Signature& signature,
                   const LayerDesc& desc) {
  LayerDesc laid = with_signature(desc, signature, table.cpu().isa);
  if (kernel.leaves_clamp) take_clamp(laid);
  return table.check(kernel, laid);
}

// The signature that the kernel runs the region in with the fewest bytes to convert.
const Signature* cheapest_signature(const KernelTable& table, const Kernel& kernel, const Region& region,
                                    ProducedLayouts& produced) {
  const Signature* best = nullptr;
  std::int64_t best_bytes = 0;
  for (const Signature& offered : kernel.signatures) {
    if (!keeps_types(region.desc, offered)) continue;
    if (check_desc(table, kernel, offered, region.desc) != Refusal::none) continue;
    const std::int64_t bytes = mismatched_bytes(region, offered.input.layout, produced, table.cpu().isa);
    if (best == nullptr || bytes < best_bytes) {
      best = &offered;
      best_bytes = bytes;
    }
  }
  return best;
}

// The formats that the plan's entry asks for, with the graph's types where it leaves them open.
Signature with_types_of(const LayerDesc& layer, Signature signature) {
  const Signature own = signature_of(layer, {signature.input.layout, signature.output.layout});
  const auto fill = [](DataType& type, DataType given) {
    if (type == DataType::undefined) type = given;
  };
  fill(signature.input.type, own.input.type);
  fill(signature.output.type, own.output.type);
  fill(signature.weights, own.weights);
  return signature;
}

int default_threads(const LayerGraph& layers, const Kernel& kernel, const Region& region, int most) {
  if (!kernel.threaded) return 1;
  std::int64_t macs = layers.layer(region.first).macs;
  for (const int other : region.covers) macs += layers.layer(other).macs;
  return worthwhile_threads(region.desc, macs, most);
}

bool is_assigned(const Assignment& assignment) {
  return assignment.kernel != nullptr || assignment.covered_by >= 0;
}

// Writes the assignment of a layer, and that it covers the rest of its region.
void put(std::vector<Assignment>& assignments, int index, Assignment assignment) {
  for (const int other : assignment.covers) {
    Assignment covered;
    covered.covered_by = index;
    assignments[static_cast<std::size_t>(other)] = std::move(covered);
  }
  assignments[static_cast<std::size_t>(index)] = std::move(assignment);
}

// The static defaults, layer by layer in the order of the graph.
class Defaults {
 public:
  Defaults(const LayerGraph& layers, const AssignContext& context, std::span<const Assignment> planned)
      : layers_(layers),
        context_(context),
        planned_(planned),
        produced_(layers.model(), *context.options),
        assignments_(static_cast<std::size_t>(layers.size())) {}

  std::vector<Assignment> assign() {
    for (int index = 0; index < layers_.size(); ++index) {
      if (is_assigned(assignments_[static_cast<std::size_t>(index)])) continue;  // covered
      if (!assign_region(index)) assign_alone(index);
    }
    return std::move(assignments_);
  }

 private:
  // The first kernel that says that a region of it pays here, and the longest of its regions that do.
  bool assign_region(int index) {
    for (const Kernel* kernel : context_.table->entries()) {
      if (kernel->region_by_default == nullptr) continue;
      std::vector<std::vector<int>> regions = layers_.matches(*kernel, index);
      std::stable_sort(regions.begin(), regions.end(),
                       [](const auto& a, const auto& b) { return a.size() > b.size(); });
      for (const std::vector<int>& covers : regions) {
        if (covers.empty() || !is_free(index) || !all_free(covers)) continue;
        const Region region(layers_, index, covers);
        const Signature* offered = offer(*kernel, region, kernel->region_by_default);
        if (offered == nullptr) continue;
        take(*kernel, region, *offered);
        return true;
      }
    }
    return false;
  }

  void assign_alone(int index) {
    const Region layer(layers_, index, {});
    for (const Kernel* kernel : context_.table->entries()) {
      if (kernel->pattern.size() != 1) continue;
      const Signature* offered = offer(*kernel, layer, kernel->by_default);
      if (offered == nullptr) continue;
      if (!assign_with_residual(*kernel, index)) take(*kernel, layer, *offered);
      return;
    }
  }

  // Whether neither the plan nor a region has the layer.
  bool is_free(int index) const {
    const auto i = static_cast<std::size_t>(index);
    return !is_assigned(assignments_[i]) && (planned_.empty() || !is_assigned(planned_[i]));
  }
  bool all_free(const std::vector<int>& layers) const {
    return std::all_of(layers.begin(), layers.end(), [&](int layer) { return is_free(layer); });
  }

  // A kernel that is a layer's default also adds a residual behind it where it can: that saves a pass over
  // memory. Activations stay layers of their own: of a tile's short rows they take longer than of a whole
  // tensor.
  bool assign_with_residual(const Kernel& kernel, int index) {
    for (const std::vector<int>& covers : layers_.matches(kernel, index)) {
      const bool adds = covers.size() == 1 && layers_.layer(covers.front()).desc.main().op == Op::add;
      if (!adds || !is_free(index) || !all_free(covers)) continue;
      const Region region(layers_, index, covers);
      const Signature* offered = offer(kernel, region, nullptr);
      if (offered == nullptr) continue;
      take(kernel, region, *offered);
      return true;
    }
    return false;
  }

  // The signature in which the kernel runs it, if it does and pays.
  const Signature* offer(const Kernel& kernel, const Region& region, bool (*pays)(const LayerDesc&)) {
    const Signature* offered = cheapest_signature(*context_.table, kernel, region, produced_);
    return offered == nullptr || pays == nullptr || pays(region.desc) ? offered : nullptr;
  }

  void take(const Kernel& kernel, const Region& region, const Signature& offered) {
    Assignment assignment;
    assignment.kernel = &kernel;
    assignment.variant = variant_of(layers_, *context_.table, kernel, offered, region.first, region.covers);
    assignment.variant.threads = default_threads(layers_, kernel, region, context_.options->threads);
    assignment.covers = region.covers;
    produced_.set_outputs(layers_.layer(region.last()), offered.output.layout);
    put(assignments_, region.first, std::move(assignment));
  }

  const LayerGraph& layers_;
  const AssignContext& context_;
  const std::span<const Assignment> planned_;
  ProducedLayouts produced_;
  std::vector<Assignment> assignments_;
};

// A plan's entry for one layer, checked against this build, device and model. The text says why it cannot be
// followed.
std::optional<std::string> resolve(const LayerGraph& layers, const KernelTable& table, const Variant& entry,
                                   int index, int most_threads, Assignment& assignment) {
  const Kernel* kernel = table.find(entry.kernel);
  if (kernel == nullptr) return "kernel " + entry.kernel + " is not in this build";
  if (kernel->revision != entry.revision) {
    return "kernel " + entry.kernel + " has revision " + std::to_string(kernel->revision) +
           ", the plan was made with " + std::to_string(entry.revision);
  }
  if (!has_all(table.cpu().isa, kernel->isa))
    return "kernel " + entry.kernel + " needs " + isa_text(kernel->isa) + ", which this CPU lacks";
  if (!table.allows(*kernel)) {
    return "kernel " + entry.kernel + " is " + std::string(fettle::to_string(kernel->nonfinite)) +
           " with NaN and infinities, which CompileOptions::nonfinite does not allow";
  }
  assignment.kernel = kernel;
  const std::vector<std::vector<int>> matches = layers.matches(*kernel, index);
  const auto match = std::find_if(matches.begin(), matches.end(), [&](const std::vector<int>& covers) {
    return std::equal(covers.begin(), covers.end(), entry.covers.begin(), entry.covers.end(),
                      [&](int other, const std::string& id) { return layers.layer(other).id == id; });
  });
  if (match == matches.end())
    return "kernel " + entry.kernel + " cannot cover the layers that the plan names";
  assignment.covers = *match;
  const Signature wanted = with_types_of(layers.describe(index, assignment.covers), entry.signature);
  const auto& all = kernel->signatures;
  const auto offered = std::find_if(all.begin(), all.end(), [&](const Signature& signature) {
    assignment.variant = variant_of(layers, table, *kernel, signature, index, assignment.covers);
    return assignment.variant.signature == wanted;
  });
  if (offered == all.end())
    return "kernel " + entry.kernel + " does not work in formats " + entry.signature.text();
  const Refusal refusal = check_variant(layers, table, *kernel, *offered, index, assignment.covers);
  if (refusal != Refusal::none)
    return "kernel " + entry.kernel + " refuses the layer: " + std::string(fettle::to_string(refusal));
  assignment.variant.threads = kernel->threaded ? std::clamp(entry.threads, 1, most_threads) : 1;
  return std::nullopt;
}

bool shapes_fit(const ModelState& model, const PlanPoint& point) {
  return std::all_of(point.shapes.begin(), point.shapes.end(), [&](const auto& entry) {
    return std::any_of(model.inputs.begin(), model.inputs.end(), [&](const TensorInfo& input) {
      return input.name == entry.first && input.shape == entry.second;
    });
  });
}

// The point for these shapes with the most threads that the options allow, else the one with the fewest.
const PlanPoint* choose_point(const ModelState& model, const Plan& plan, int threads) {
  const PlanPoint* best = nullptr;
  for (const PlanPoint& point : plan.points) {
    if (!shapes_fit(model, point)) continue;
    const bool allowed = threads == 0 || point.threads <= threads;
    const bool best_allowed = best != nullptr && (threads == 0 || best->threads <= threads);
    const bool better = best == nullptr || (allowed && !best_allowed) ||
                        (allowed == best_allowed &&
                         (allowed ? point.threads > best->threads : point.threads < best->threads));
    if (better) best = &point;
  }
  return best;
}

}  // namespace

int worthwhile_threads(const LayerDesc& desc, std::int64_t macs, int most) {
  // Multiply-accumulates that a thread must get before waking it pays: some microseconds of a fast core, some
  // tens of a slow one. A tuner knows better; this only keeps small networks from being slowed down by more
  // threads.
  constexpr std::int64_t kWorkPerThread = 200'000;
  // Moving a number costs about as much as this many multiply-accumulates.
  constexpr std::int64_t kWorkPerElement = 8;
  std::int64_t elements = 0;
  for (const TensorDesc& tensor : desc.inputs) elements += tensor.constant ? 0 : tensor.shape.elements();
  for (const TensorDesc& tensor : desc.outputs) elements += tensor.shape.elements();
  const std::int64_t work = std::max(macs, kWorkPerElement * elements);
  return static_cast<int>(std::clamp<std::int64_t>(work / kWorkPerThread, 1, std::max(1, most)));
}

Refusal check_variant(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                      const Signature& signature, int first, std::span<const int> covers) {
  return check_desc(table, kernel, signature, layers.describe(first, covers));
}

Variant variant_of(const LayerGraph& layers, const KernelTable& table, const Kernel& kernel,
                   const Signature& offered, int first, std::span<const int> covers) {
  Variant variant;
  variant.kernel = kernel.name;
  variant.revision = kernel.revision;
  variant.signature =
      signature_of(with_signature(layers.describe(first, covers), offered, table.cpu().isa), offered);
  for (int other : covers) variant.covers.push_back(layers.layer(other).id);
  return variant;
}

std::vector<Assignment> default_assignments(const LayerGraph& layers, const AssignContext& context,
                                            std::span<const Assignment> planned) {
  return Defaults(layers, context, planned).assign();
}

Result<std::vector<Assignment>> planned_assignments(const LayerGraph& layers, const Plan& plan,
                                                    const AssignContext& context) {
  const ModelState& model = layers.model();
  std::vector<Assignment> assignments(static_cast<std::size_t>(layers.size()));
  if (plan.model.graph != model.source->graph_hash) {
    return Error(ErrorCode::kPlanOtherModel,
                 "the plan was made for graph " + plan.model.graph + " (" + plan.model.name + "), but " +
                     model.source->name + " is " + model.source->graph_hash,
                 "tune this model to get a plan for it");
  }
  const auto report = [&](const std::string& layer, const std::string& what) {
    context.report->push_back({layer, what});
  };
  if (plan.model.weights != model.source->weights_hash) {
    report({}, "the plan was made with other weights: its choices for fp32 kernels are used");
  }
  switch (match_device(plan.device, Plan::this_device())) {
    case DeviceMatch::exact:
      break;
    case DeviceMatch::same_cores:
      report({}, "the plan was made on a device with the same kind of core");
      break;
    case DeviceMatch::other:
      report({}, "the plan was made on another kind of device: it may not be the fastest here");
      break;
  }
  const PlanPoint* point = choose_point(model, plan, context.options->threads);
  if (point == nullptr) {
    report({}, "the plan has no operating point for these input shapes: defaults used");
    return assignments;
  }

  const int most_threads = context.options->threads > 0 ? context.options->threads : point->threads;
  if (most_threads < point->threads) {
    report({}, "the plan was made for " + std::to_string(point->threads) + " threads, " +
                   std::to_string(most_threads) + " are allowed");
  }
  for (const auto& [id, entry] : point->layers) {
    const int index = layers.find(id);
    if (index < 0) {
      report(id, "the model has no layer of this name: ignored");
      continue;
    }
    Assignment assignment;
    std::optional<std::string> problem =
        resolve(layers, *context.table, entry.variant, index, most_threads, assignment);
    const auto overlaps = [&](int other) {
      return is_assigned(assignments[static_cast<std::size_t>(other)]);
    };
    if (!problem &&
        (overlaps(index) || std::any_of(assignment.covers.begin(), assignment.covers.end(), overlaps))) {
      problem = "overlaps with another region of the plan";
    }
    if (problem) {
      report(id, *problem + ": default used");
      continue;
    }
    put(assignments, index, std::move(assignment));
  }
  return assignments;
}

Result<std::vector<Assignment>> assign(const LayerGraph& layers, const Plan* plan,
                                       const AssignContext& context) {
  if (plan == nullptr) return default_assignments(layers, context);
  Result<std::vector<Assignment>> planned = planned_assignments(layers, *plan, context);
  if (!planned) return planned;
  std::vector<Assignment> assignments = default_assignments(layers, context, *planned);
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    if (is_assigned((*planned)[i])) assignments[i] = std::move((*planned)[i]);
  }
  return assignments;
}

Status check_assignments(const LayerGraph& layers, const std::vector<Assignment>& assignments) {
  std::string missing;
  for (int index = 0; index < layers.size(); ++index) {
    const Assignment& assignment = assignments[static_cast<std::size_t>(index)];
    if (assignment.kernel == nullptr && assignment.covered_by < 0)
      missing += "\n  " + layers.layer(index).id + ": " + layers.layer(index).desc.text();
  }
  if (missing.empty()) return {};
  return Error(ErrorCode::kModelUnsupported,
               layers.model().source->name + ": no kernel runs these layers:" + missing,
               "use a build with more kernels, or supply one through CompileOptions::kernels");
}

}  // namespace fettle::runtime
