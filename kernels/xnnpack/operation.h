// SPDX-License-Identifier: Apache-2.0
//
// The life cycle that all entries share, written once: read the layer, create XNNPACK's operator, reshape it,
// check its workspace, hand it addresses. A file of entries defines what is special, an operation:
//
//   struct Resize : Operation {
//     Refusal read(const LayerDesc&);       // the layer into members, or why XNNPACK cannot do it
//     xnn_status create(const LayerDesc&, Operator&) const;
//     xnn_status reshape(xnn_operator_t, std::size_t& workspace, pthreadpool_t) const;
//     xnn_status set_up(xnn_operator_t, const Addresses&) const;
//   };
//
// and overrides of what Operation says. An operation with weights that XNNPACK packs is described in
// weights.h; one that packs a constant by itself has `packed_bytes` and `pack` (see binary.cc).
#pragma once

#include "kernels/common/signatures.h"
#include "kernels/entry.h"
#include "kernels/selection.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/weights.h"

#include <fettle/kernel.h>

#include <xnnpack.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace fettle::kernels::xnnpack {

/// See Kernel.
inline constexpr std::uint32_t kOverreadBytes = XNN_EXTRA_BYTES;

/// What an operator works on.
struct Addresses {
  std::array<const void*, 2> operand{};  ///< null where there is none, or it is constant
  const void* packed = nullptr;
  void* output = nullptr;
  void* workspace = nullptr;
};

/// What operations need not say.
struct Operation {
  static constexpr std::size_t kOperands = 1;       ///< how many must be there
  static constexpr DataType kType = DataType::f32;  ///< see Signature
  static constexpr std::uint32_t kInPlace = 0;      ///< see Kernel::in_place
  static constexpr bool kHasWorkspace = false;      ///< whether workspace_bytes is ever more than 0
  std::size_t workspace_bytes(int) const { return 0; }
  /// Whether results are staged in the workspace and copied from there, see kReadBackFloats.
  bool stages() const { return false; }
  /// For operators that cannot clamp: the floats of the output that are clamped after it ran.
  std::size_t unclamped() const { return 0; }
};

/// For XNNPACK's setup functions, which differ in the types of their pointers alone.
template <typename T>
xnn_status set_up_with(xnn_status (*set_up)(xnn_operator_t, const T*, T*), xnn_operator_t op,
                       const Addresses& at) noexcept {
  return set_up(op, static_cast<const T*>(at.operand[0]), static_cast<T*>(at.output));
}
template <typename T>
xnn_status set_up_with(xnn_status (*set_up)(xnn_operator_t, void*, const T*, T*), xnn_operator_t op,
                       const Addresses& at) noexcept {
  return set_up(op, at.workspace, static_cast<const T*>(at.operand[0]), static_cast<T*>(at.output));
}

/// An operation bound for one runtime.
template <typename Special>
class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args) {
    for (std::size_t i = 0; i < input_.size(); ++i) {
      const bool there = args.layer.operand(i) != nullptr;
      input_[i] = there ? static_cast<int>(input_index(args.layer, i)) : kNoOperand;
    }
    addresses_.packed = args.packed.data();
  }
  ~Bound() override { op_.reset(); }  // before its weights

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    if (special_.read(args.layer) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status created = create(args); !created) return created;
    std::size_t workspace = 0;
    const xnn_status shaped = special_.reshape(op_.get(), workspace, &threads_);
    // Not earlier: reshaping may move the operator's pointers from the scratch memory to the packed weights.
    if constexpr (Weighted<Special>) cache_.release_scratch();
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    if (workspace > special_.workspace_bytes(args.threads))
      return check(xnn_status_reallocation_required, "bind");
    if (special_.unclamped() != 0) add_clamp(args.layer, special_.unclamped());
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    for (std::size_t i = 0; i < input_.size(); ++i) {
      if (input_[i] != kNoOperand) addresses_.operand[i] = inputs[static_cast<std::size_t>(input_[i])];
    }
    addresses_.output = set_output(outputs[0], special_.stages() ? workspace : nullptr);
    addresses_.workspace = workspace;
    return check(special_.set_up(op_.get(), addresses_), "set up an operator");
  }

 private:
  struct NoCache {};

  Status create(const BindArgs& args) noexcept {
    if constexpr (Weighted<Special>) {
      return create_from_packed(special_, args.layer, args.packed, cache_, op_);
    } else {
      return check_created(special_.create(args.layer, op_), op_);
    }
  }

  Special special_;
  [[no_unique_address]] std::conditional_t<Weighted<Special>, WeightsCache, NoCache> cache_;
  std::array<int, 2> input_{};
  Addresses addresses_;
};

/// Kernel functions, see Kernel.
template <typename Bound>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  if (Status status = bound->prepare(args); !status) return std::move(status).error();
  return std::unique_ptr<BoundKernel>(std::move(bound));
}

template <typename Special, Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, kOp, Special::kOperands); no != Refusal::none) return no;
  Special special;
  return special.read(layer);
}

template <typename Special>
std::size_t workspace_bytes(const LayerDesc& layer, int threads) {
  Special special;
  return special.read(layer) == Refusal::none ? special.workspace_bytes(threads) : 0;
}

template <Op kOp>
inline constexpr Op kPattern[] = {kOp};

/// The entry of an operation.
template <typename Special, Op kOp>
constexpr Kernel entry(std::string_view name, std::span<const Signature> signatures) noexcept {
  Kernel kernel = basic_entry(name, kPattern<kOp>, signatures, supports<Special, kOp>, bind<Bound<Special>>);
  kernel.isa = kRequiredIsa;
  kernel.overread_bytes = kOverreadBytes;
  kernel.in_place = Special::kInPlace;
  kernel.threaded = true;
  if constexpr (Special::kHasWorkspace) kernel.workspace_bytes = workspace_bytes<Special>;
  if constexpr (Weighted<Special>) {
    kernel.packed_bytes = packed_bytes<Special>;
    kernel.pack = pack<Special>;
    kernel.packed_for_any_size = true;
  }
  return if_selected(kernel);
}

/// The entry with what it makes of NaN and infinities.
constexpr Kernel with_nonfinite(NonFinite nonfinite, Kernel kernel) noexcept {
  kernel.nonfinite = nonfinite;
  return if_selected(kernel);
}

/// On x86 XNNPACK computes fewer output channels in a group than this, which is a tile of its best kernel, by
/// one for SSE, whose clamp loses NaN: layers with few have entries of their own there.
inline constexpr std::size_t kFewOutputs = 32;

template <typename Special, Op kOp, bool kFew>
Refusal supports_outputs(const LayerDesc& layer, const Cpu& cpu) {
  if (Refusal no = supports<Special, kOp>(layer, cpu); no != Refusal::none) return no;
  Special special;
  if (Refusal no = special.read(layer); no != Refusal::none) return no;
  const bool few = special.outputs_in_group() < kFewOutputs;
  return few == kFew ? Refusal::none : kFew ? Refusal::too_large : Refusal::too_small;
}

/// An entry of an operation with weights, for many output channels on x86, and for any elsewhere.
template <typename Special, Op kOp>
constexpr Kernel for_many_outputs(Kernel kernel) noexcept {
  if constexpr (kIsX86) kernel.supports = supports_outputs<Special, kOp, false>;
  return if_selected(kernel);
}
/// That for few of them, which there is on x86 alone.
template <typename Special, Op kOp>
constexpr Kernel for_few_outputs(Kernel kernel) noexcept {
  if constexpr (!kIsX86) return {};
  kernel.supports = supports_outputs<Special, kOp, true>;
  return with_nonfinite(NonFinite::loses_nan, kernel);
}

/// The entry of an operation on pictures in nhwc, whose pixels may lie apart.
template <typename Special, Op kOp>
constexpr Kernel picture_entry(std::string_view name) noexcept {
  Kernel kernel = entry<Special, kOp>(name, kNhwc<Special::kType>);
  kernel.input_striding = Striding::pixels;
  kernel.output_striding = Striding::pixels;
  return kernel;
}

}  // namespace fettle::kernels::xnnpack
