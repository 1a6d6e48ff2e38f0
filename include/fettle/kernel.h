// SPDX-License-Identifier: Apache-2.0
//
// What a kernel is: one implementation of an operator (or of a region of operators), as an entry of constant
// data. The library's own entries stand in kernels/registry.cc; an application adds entries through
// CompileOptions::kernels.
//
// A kernel has three steps with three lifetimes. `pack` turns weights into position-independent bytes that
// belong to the program, are shared by its runtimes and may be mapped from a file. `bind` makes the state for
// one runtime. `run` computes. A kernel never sees the graph, only a LayerDesc.
#pragma once

#include <fettle/cpu.h>
#include <fettle/error.h>
#include <fettle/export.h>
#include <fettle/layer.h>
#include <fettle/op.h>
#include <fettle/thread_pool.h>
#include <fettle/types.h>
#include <fettle/variant.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fettle {

/// Why a kernel does not run a layer. The codes' texts are stable and appear in reports.
enum class Refusal : std::uint8_t {
  none,       ///< it does run it
  op,         ///< another operator, or the wrong pattern of a region
  isa,        ///< the CPU lacks an instruction set
  core,       ///< the CPU has no core of the kind that the kernel is written for
  data_type,  ///< an operand's or result's data type
  layout,     ///< an operand's or result's layout
  strides,    ///< strided where the kernel wants dense
  rank,       ///< the number of dimensions
  shape,      ///< extents that the algorithm does not cover
  attribute,  ///< an attribute's value
  groups,     ///< grouped, or not depthwise
  dilation,
  stride,  ///< convolution stride
  kernel_size,
  padding,
  clamp,         ///< cannot apply the fused clamp
  extent,        ///< extents that the data of each run tell, where the kernel needs them before
  not_constant,  ///< wants constant weights
  constant,      ///< wants a computed operand where this one is constant
  too_large,     ///< beyond the kernel's integer or memory range
  too_small,     ///< so little work that the algorithm does not pay
  nonfinite,     ///< weaker with NaN and infinities than CompileOptions::nonfinite allows
};
/// The stable text of a refusal: "isa", "data_type", ...
FETTLE_API std::string_view to_string(Refusal refusal) noexcept;

/// What becomes of NaN and infinities in a kernel: whether each element of its results is of the class (NaN,
/// plus infinity, minus infinity, finite) that the operator's definition gives. From the strictest to the
/// weakest; CompileOptions::nonfinite says which a program may have. Sums that overflow on the way, though
/// the whole would not, are of no certain class in any kernel.
enum class NonFinite : std::uint8_t {
  /// All elements are.
  exact,
  /// All are, or NaN where what a tile of neighbouring elements is computed from is not all finite
  /// (Winograd); of products with weights stored in fewer bits, a row or a column of them.
  spreads_in_tile,
  /// NaN and infinities may become numbers, or numbers that the operator is defined for may become NaN.
  loses_nan,
};
/// "exact", "spreads_in_tile", "loses_nan".
FETTLE_API std::string_view to_string(NonFinite nonfinite) noexcept;

/// Bytes of a constant operand: dense, row-major, of the TensorDesc's type and shape; empty for operands that
/// are not constant. Valid during the call only.
using ConstantBytes = std::span<const std::byte>;

/// A kernel with its state for one runtime. One runtime runs it from one thread at a time.
class BoundKernel {
 public:
  virtual ~BoundKernel() = default;
  /// Gives the addresses; called before the first run and whenever they change; may allocate. `inputs` has an
  /// entry for each LayerDesc::inputs: for constants it is null when the kernel has `pack`, else the
  /// program's copy. `workspace` is 64-byte aligned. All activation addresses are aligned to the element size
  /// at least.
  virtual Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                             void* workspace) noexcept = 0;
  /// Tells, before a run, what the extent of a bounded axis is (TensorDesc::bounded); at most the bound, and
  /// perhaps 0. `tensor` counts the layer's inputs and behind them its outputs. What has not been told is the
  /// bound; what has been told holds until told anew. The tensor is dense for its actual extents. Extents
  /// that this kernel itself finds (of what NonZero gives) are never told. Does not allocate. Called where
  /// Kernel::bounded_axes says so, and for runs whose result has elements.
  virtual void set_extent(std::size_t tensor, int axis, std::int64_t extent) noexcept {
    static_cast<void>(tensor);
    static_cast<void>(axis);
    static_cast<void>(extent);
  }
  /// Computes. Does not allocate, log or do I/O. The error is kKernelFailed.
  virtual Status run() noexcept = 0;
};

/// What `bind` gets. Everything but `layer` and `packed` outlives the bound kernel; `packed` does too (the
/// program owns it).
struct BindArgs {
  const LayerDesc& layer;
  std::span<const std::byte> packed;  ///< what `pack` wrote, 64-byte aligned; empty without `pack`
  ThreadPool* pool;                   ///< null: one thread
  int threads;                        ///< how many threads this layer may use; at least 1
};

/// The layer as a kernel sees it that works in `signature`: activations of rank 3 and more get its layouts,
/// all dense, with the blocks of channels of a CPU with these instructions; activations that the graph has in
/// f32 get its types where those are floating-point (f32, f16, bf16). Types of all others are the graph's.
/// Thread-safe.
FETTLE_API LayerDesc with_signature(LayerDesc layer, const Signature& signature, Isa isa);
/// The signature of the variant that computes `layer` as it is, in the layouts of `offered`, which a kernel
/// offers: types are those of the first activation, the first result and the constant weights. Thread-safe.
FETTLE_API Signature signature_of(const LayerDesc& layer, const Signature& offered);

/// Which strided tensors a kernel takes. In every case elements along the innermost stored axis are
/// neighbours.
enum class Striding : std::uint8_t {
  dense,   ///< dense only
  pixels,  ///< nhwc whose pixels are further apart than C elements (a slice of channels of a wider tensor)
  any,     ///< any strides at all
};

/// Which bounded axes (TensorDesc::bounded) a kernel takes: it has BoundKernel::set_extent for them.
enum class BoundedAxes : std::uint8_t {
  none,       ///< none: layers that have some are refused with Refusal::extent
  outermost,  ///< axis 0 of any operand or result
  any,        ///< all
};

/// One entry of the kernel table: constant data, with functions that hold no state.
struct Kernel {
  std::string_view name;   ///< "op.algorithm.type.isa", unique, e.g. "conv.gemm.f32.portable"
  std::uint32_t revision;  ///< raised when packed bytes or numerical results change
  /// The operators covered, in order. One for a layer kernel; several for a region: each but the first takes
  /// the result of the one before as an operand, and nothing else uses that result.
  std::span<const Op> pattern;
  /// What it can compute of the pattern's result before it stores it: sequences of operators, in the graph's
  /// order, of at most one addition of a residual (Op::add) and one activation (an operator of one operand).
  /// It runs its pattern by itself, and followed by any of these; a variant names what is covered, so that
  /// they share the kernel's name. None: the pattern only.
  std::span<const std::span<const Op>> epilogues = {};
  Isa isa;  ///< what the CPU must have
  /// Written for in-order cores (Cortex-A53, A55): refused where the CPU has none, before other kernels in
  /// the order of preference where it has no others, after them elsewhere.
  bool for_in_order_cores = false;
  /// The formats that it works in, not empty; a layer's variant has one of them. Where a type is `undefined`,
  /// `supports` checks the graph's.
  std::span<const Signature> signatures;
  Striding input_striding = Striding::dense;
  Striding output_striding = Striding::dense;
  std::uint32_t overread_bytes = 0;  ///< bytes it may read past the end of each activation input
  /// Bit i: output 0 may share the memory of input i (same shape, layout, type and strides).
  std::uint32_t in_place = 0;
  /// Output 0 may share the memory of the residual that an epilogue adds, likewise.
  bool residual_in_place = false;
  /// Runs layers of which an operand or a result has no elements (an extent of 0). Others are never asked.
  bool takes_empty = false;
  /// The axes whose extents it learns before each run.
  BoundedAxes bounded_axes = BoundedAxes::none;
  bool leaves_clamp = false;  ///< does not apply the last part's clamp; the compiler adds a step that does
  bool threaded = false;      ///< can use more than one thread
  /// About how many times as large as a plain sum of products' its rounding errors are (Winograd's
  /// transforms, weights stored in fewer bits). Where a plan's outputs leave the tolerance, the tuner gives
  /// up the largest first.
  float rounding = 1;
  /// What it makes of NaN and infinities. An application's entry that says nothing is taken to be exact.
  NonFinite nonfinite = NonFinite::exact;
  /// Whether the static defaults take it for a layer that it runs; null: always. Asked of layers alone, not
  /// of regions, and before formats are settled. A plan may name it for any. Must not depend on the
  /// activations' extents if `packed_for_any_size`, or programs for several shapes pack twice.
  bool (*by_default)(const LayerDesc& layer) = nullptr;
  /// Whether the static defaults take it for a region that it runs: a pattern of several operators, or its
  /// pattern and an epilogue; null: never, but that a kernel which is a layer's default also adds a residual
  /// behind it. Else as by_default.
  bool (*region_by_default)(const LayerDesc& region) = nullptr;

  /// The kernel's gate: `Refusal::none` means that pack, bind and run do the layer, epilogue included.
  /// `layer` has the formats of one of `signatures`, and obeys the rules of its operators (operands, ranks,
  /// attributes, the outputs' shapes): import, inference and passes see to that. Its types, sizes, strides
  /// and constants may be any.
  Refusal (*supports)(const LayerDesc& layer, const Cpu& cpu);
  /// Scratch memory during run, for this many threads; null: none.
  std::size_t (*workspace_bytes)(const LayerDesc& layer, int threads);
  /// Bytes that `pack` writes; null together with `pack`: constants are used as they are.
  Result<std::size_t> (*packed_bytes)(const LayerDesc& layer, std::span<const ConstantBytes> constants);
  /// Writes position-independent bytes to `packed` (64-byte aligned, exactly packed_bytes). `constants` has
  /// an entry an input.
  Status (*pack)(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                 std::span<std::byte> packed);
  /// `pack` writes the same bytes whatever the extents and strides of the activations (not their ranks and
  /// formats): programs for several input shapes then share them.
  bool packed_for_any_size = false;
  /// Makes the state for one runtime.
  Result<std::unique_ptr<BoundKernel>> (*bind)(const BindArgs& args);
};

/// Whether the layer's parts are the kernel's pattern, by itself or followed by one of its epilogues.
/// Thread-safe.
FETTLE_API bool has_pattern(const Kernel& kernel, const LayerDesc& layer) noexcept;
/// Bit i: output 0 of the layer, which has the kernel's pattern, may share the memory of input i; inputs
/// beyond 31 may not. Thread-safe.
FETTLE_API std::uint32_t in_place_inputs(const Kernel& kernel, const LayerDesc& layer) noexcept;
/// The kernel's name with the epilogue that the layer, which has its pattern, has behind it:
/// "conv.indirect.f32.avx512+hard_swish", the form that FETTLE_KERNELS takes in CMake. Thread-safe.
FETTLE_API std::string name_with_epilogue(const Kernel& kernel, const LayerDesc& layer);

/// Whether the kernel runs the layer as described on this CPU: its pattern, instructions, kind of core,
/// bounded axes and striding, layers without elements, then the kernel's own word. For kernels that leave the
/// clamp, `layer` must come without the last part's. The layer must obey its operators' rules
/// (LayerDesc::check). Thread-safe.
FETTLE_API Refusal refusal_of(const Kernel& kernel, const LayerDesc& layer, const Cpu& cpu);

/// The library's own kernels in order of preference for the static defaults. Constant data; thread-safe.
FETTLE_API std::span<const Kernel* const> builtin_kernels() noexcept;
/// The entry of that name, or nullptr.
FETTLE_API const Kernel* find_builtin_kernel(std::string_view name) noexcept;

}  // namespace fettle
