// SPDX-License-Identifier: Apache-2.0
//
// Changes of order in memory: transpose between any two layouts, and the conversion between nchw and nhwc.
#include <new>

#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"
#include "lib/base/quantise.h"

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kTransposePattern[] = {Op::transpose};
constexpr Op kConvertPattern[] = {Op::convert};
constexpr LayoutPair kAnyLayouts[] = {{Layout::nchw, Layout::nchw},
                                      {Layout::nhwc, Layout::nhwc},
                                      {Layout::nhwc, Layout::nchw},
                                      {Layout::nchw, Layout::nhwc}};
constexpr LayoutPair kOtherLayout[] = {{Layout::nchw, Layout::nhwc}, {Layout::nhwc, Layout::nchw}};

// Extents in the input's memory order, and for each axis of the output in its memory order, the input's axis.
// Axes of extent 1 are left out.
struct Permutation {
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> extent{};
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> from{};
  std::size_t rank = 0;
};

// The input's axis that becomes each of the output's axes, in ONNX order.
Refusal read_axes(const LayerPart& part, int rank, std::array<int, kMaxRank>& axes) {
  const std::span<const std::int64_t> perm = part.attributes.integers("perm");
  if (part.op == Op::transpose && perm.size() != static_cast<std::size_t>(rank)) return Refusal::attribute;
  std::uint32_t seen = 0;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t axis = part.op == Op::transpose ? perm[at] : i;
    if (axis < 0 || axis >= rank || (seen >> axis & 1U) != 0) return Refusal::attribute;
    seen |= 1U << axis;
    axes[at] = static_cast<int>(axis);
  }
  return Refusal::none;
}

Refusal read(const LayerDesc& layer, Op op, Permutation& p, bool bytes) {
  if (Refusal no = check_pattern(layer, op, 1); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& y = layer.outputs[0];
  if (x.constant) return Refusal::constant;
  const DataType type = bytes ? x.format.type : DataType::f32;
  if (bytes && (!is_quantised_type(type) || layer.main().clamp)) return Refusal::data_type;
  if (op == Op::convert && !layer.main().attributes.entries().empty()) return Refusal::attribute;
  if (Refusal no = check_dense(x, type); no != Refusal::none) return no;
  if (Refusal no = check_dense(y, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (rank < 1 || y.shape.rank() != rank) return Refusal::rank;
  std::array<int, kMaxRank> axes{};
  if (Refusal no = read_axes(layer.main(), rank, axes); no != Refusal::none) return no;
  for (int i = 0; i < rank; ++i) {
    if (y.shape[i] != x.shape[axes[static_cast<std::size_t>(i)]]) return Refusal::shape;
  }
  const std::array<int, kMaxRank> in = storage_order(rank, x.format.layout);
  const std::array<int, kMaxRank> out = storage_order(rank, y.format.layout);
  std::array<std::size_t, kMaxRank> place{};  // of each of the input's axes in memory
  for (int i = 0; i < rank; ++i) {
    const int axis = in[static_cast<std::size_t>(i)];
    if (x.shape[axis] == 1) continue;
    if (p.rank == p.extent.size()) return Refusal::rank;
    place[static_cast<std::size_t>(axis)] = p.rank;
    p.extent[p.rank++] = static_cast<std::size_t>(x.shape[axis]);
  }
  std::size_t at = 0;
  for (int i = 0; i < rank; ++i) {
    const int axis = axes[static_cast<std::size_t>(out[static_cast<std::size_t>(i)])];
    if (x.shape[axis] != 1) p.from[at++] = place[static_cast<std::size_t>(axis)];
  }
  if (p.rank == 0) p.extent[p.rank++] = 1;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

template <Op kOp, bool kBytes>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  Permutation p;
  return read(layer, kOp, p, kBytes);
}

// Elements of 4 bytes or of 1.
template <bool kBytes>
class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Permutation p;
    if (read(args.layer, args.layer.main().op, p, kBytes) != Refusal::none) {
      return check(xnn_status_unsupported_parameter, "bind");
    }
    const xnn_status status =
        kBytes ? xnn_create_transpose_nd_x8(0, op_.out()) : xnn_create_transpose_nd_x32(0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    const auto reshape = kBytes ? xnn_reshape_transpose_nd_x8 : xnn_reshape_transpose_nd_x32;
    const xnn_status shaped = reshape(op_.get(), p.rank, p.extent.data(), p.from.data(), &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    if (!kBytes) add_clamp(args.layer, static_cast<std::size_t>(args.layer.outputs[0].shape.elements()));
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    const auto setup = kBytes ? xnn_setup_transpose_nd_x8 : xnn_setup_transpose_nd_x32;
    void* output = kBytes ? outputs[0] : set_output(outputs[0]);
    return check(setup(op_.get(), inputs[input_], output), "set up an operator");
  }

 private:
  std::size_t input_;
};

template <bool kBytes>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound<kBytes>> bound(new (std::nothrow) Bound<kBytes>(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

template <Op kOp, bool kBytes>
constexpr Kernel row(std::string_view name, std::span<const Op> pattern,
                     std::span<const LayoutPair> layouts) noexcept {
  return {
      .name = name,
      .revision = 1,
      .pattern = pattern,
      .isa = kRequiredIsa,
      .type = kBytes ? DataType::undefined : DataType::f32,
      .layouts = layouts,
      .overread_bytes = kOverreadBytes,
      .threaded = true,
      .supports = supports<kOp, kBytes>,
      .workspace_bytes = nullptr,
      .packed_bytes = nullptr,
      .pack = nullptr,
      .bind = bind<kBytes>,
  };
}

}  // namespace

constinit const Kernel kTranspose =
    row<Op::transpose, false>("transpose.tiled.f32.xnnpack", kTransposePattern, kAnyLayouts);
constinit const Kernel kConvert =
    row<Op::convert, false>("convert.tiled.f32.xnnpack", kConvertPattern, kOtherLayout);
constinit const Kernel kTransposeQ8 =
    row<Op::transpose, true>("transpose.tiled.q8.xnnpack", kTransposePattern, kAnyLayouts);
constinit const Kernel kConvertQ8 =
    row<Op::convert, true>("convert.tiled.q8.xnnpack", kConvertPattern, kOtherLayout);

}  // namespace fettle::kernels::xnnpack
