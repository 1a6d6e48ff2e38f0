// SPDX-License-Identifier: Apache-2.0
//
// A program: a model and a plan, compiled into steps with packed weights and arena offsets. Immutable, cheap
// to copy (copies share), thread-safe: any number of runtimes may run it at once.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/kernel.h>
#include <fettle/model.h>
#include <fettle/plan.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fettle {

// The library's own affair.
struct ProgramState;
struct WeightStoreState;

/// Packed weights and constants, keyed by content, kernel revision and parameters, so that programs, plans
/// and tuner candidates share what is equal, as do programs for several input shapes. Thread-safe. Blobs die
/// with the last program that uses them.
class WeightStore {
 public:
  FETTLE_API WeightStore();
  FETTLE_API ~WeightStore();
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;
  /// Bytes of all blobs alive now, each counted once.
  FETTLE_API std::size_t bytes() const noexcept;

 private:
  friend struct WeightStoreState;
  std::unique_ptr<WeightStoreState> state_;
};

/// How an input arrives when it is not the model's own dense nchw tensor.
struct InputOptions {
  /// The caller gives 8-bit pictures, N x H x W x C; converted as (pixel - mean) / std on the way in.
  bool u8_nhwc = false;
  std::vector<float> mean = {};  ///< one per channel, or one for all; empty: 0
  std::vector<float> std = {};   ///< one per channel, or one for all, none 0; empty: 1
  bool swap_red_blue = false;    ///< exchange channels 0 and 2 (rgb pictures, bgr network)
};

/// Log levels of the callback.
enum class LogLevel { info, warning };
using LogCallback = std::function<void(LogLevel, const std::string&)>;

/// What happens to the model's constants that no step uses after packing.
enum class WeightPolicy {
  keep,     ///< the program keeps the Model, which keeps them
  release,  ///< the program keeps none of the originals; once the Model is gone so are they, and another
            ///< shape needs a new load
};

struct CompileOptions {
  /// The most threads any layer may use; 0: what the plan says, and one without a plan. At most kMaxThreads.
  int threads = 0;
  std::map<std::string, InputOptions> inputs;  ///< by input name
  /// An application's own entries, tried before the built-in ones; must outlive the program.
  std::span<const Kernel* const> kernels;
  std::shared_ptr<WeightStore> weights;  ///< null: a store of the program's own
  WeightPolicy weight_policy = WeightPolicy::keep;
  /// The weakest that kernels may be with NaN and infinities. Weaker ones are neither defaults nor taken from
  /// a plan, which is reported, nor by the tuner. `exact` rules Winograd's algorithm out.
  NonFinite nonfinite = NonFinite::spreads_in_tile;
  /// Whether a plan may make layers compute with 8-bit integers (Plan::quantisation), which changes results
  /// by as much as its numbers say. False: such a plan is refused, for plans from strangers.
  bool quantised_plans = true;
  LogCallback log;           ///< called during load only; null: silent
  const Cpu* cpu = nullptr;  ///< null: this CPU. For checking what a plan would do elsewhere (compile only)
};

/// Something that did not go as the plan said. Never silent, never a crash.
struct ReportEntry {
  std::string layer;  ///< the layer's id; empty when it concerns the whole plan
  std::string what;   ///< what fell back, e.g. "kernel conv.x.f32.y is not in this build: default used"
};

/// One step of a program, for display, profiles and tuners.
struct StepInfo {
  /// Id of the layer (the first of a region); for conversions, of the layer that needs it.
  std::string layer;
  std::string kernel;
  LayerDesc desc;  ///< with the formats and strides as compiled
  int threads = 1;
  bool conversion = false;  ///< a change of format between layers
  bool alias = false;       ///< no work at run time: a view of another value's memory
  bool reference = false;   ///< run by a reference kernel: correct, and far slower than it could be
  std::int64_t macs = 0;
  std::int64_t operations = 0;  ///< see LayerInfo::operations; 0 for conversions
  std::size_t workspace_bytes = 0;
  std::size_t packed_bytes = 0;
  std::vector<int> inputs;  ///< value numbers as in LayerInfo; -1 for constants
  std::vector<int> outputs;
};

/// Where the arena's bytes go.
struct ArenaInfo {
  std::size_t bytes = 0;  ///< what a runtime needs
  /// The most that any one step needs at once: values alive, 64-byte rounding, its workspace.
  std::size_t largest_live_set = 0;
  std::size_t largest_live_values = 0;  ///< the same without workspaces
  std::size_t sum_of_activations = 0;   ///< what it would be without reuse
};

class Program {
 public:
  /// Compiles. `plan` may be null: static defaults. A plan with a quantisation makes integer layers of the
  /// model's (Model::quantised) unless it has them already. Errors: kPlanOtherModel (another graph; for a
  /// quantisation other weights, too), kPlanMalformed (a quantisation that the model's layers cannot have),
  /// kModelUnsupported (no kernel for a layer), kInvalidArgument (options), kOutOfMemory. Everything milder
  /// is in report().
  FETTLE_API static Result<Program> compile(const Model& model, const Plan* plan = nullptr,
                                            const CompileOptions& options = {});

  FETTLE_API std::span<const TensorInfo> inputs() const noexcept;
  FETTLE_API std::span<const TensorInfo> outputs() const noexcept;
  FETTLE_API std::span<const StepInfo> steps() const noexcept;
  FETTLE_API std::span<const ReportEntry> report() const noexcept;
  FETTLE_API const ArenaInfo& arena() const noexcept;
  /// What the program was compiled from, for other input shapes; null under WeightPolicy::release.
  FETTLE_API const Model* model() const noexcept;
  /// Bytes of packed weights and constants that the program uses, shared ones counted once.
  FETTLE_API std::size_t weight_bytes() const noexcept;
  /// The most threads any step uses.
  FETTLE_API int threads() const noexcept;
  /// The plan that this program follows, defaults written out: what `Plan` would give the same program.
  /// Without points when out of memory.
  FETTLE_API Plan effective_plan() const;

 private:
  friend struct ProgramState;
  explicit Program(std::shared_ptr<const ProgramState> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<const ProgramState> state_;
};

/// A variant that a layer could have, or why not.
struct VariantInfo {
  const Kernel* kernel = nullptr;
  Variant variant;                  ///< on one thread
  Refusal refusal = Refusal::none;  ///< none: the plan may choose it
  bool is_default = false;          ///< what the static default takes for this layer
  bool reference = false;           ///< see StepInfo::reference
};

/// All kernels of a layer's operator with every signature that they offer, runnable or refused.
struct LayerVariants {
  std::string layer;
  std::vector<VariantInfo> variants;
};

/// What there is to choose from, layer by layer, on `options.cpu`. Incomplete entries of `options.kernels`
/// are left out; empty when out of memory. Thread-safe.
FETTLE_API std::vector<LayerVariants> enumerate_variants(const Model& model,
                                                         const CompileOptions& options = {});

}  // namespace fettle
